// A bounded map that forgets what was not used lately, in two generations: entries live in the
// young one; when it is full it becomes the old one, and what was old and unused goes, all at once.
// A find in the old one makes an entry young again. So each entry that is used at least once in the
// time in which `most_weight` of others come stays, and no list has to be kept.
//
// Threads: one at a time (its owner locks). A pointer from find() is valid until the next call.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

namespace posthouse {

template <class Key, class T, class Hash = std::hash<Key>> class Generations {
public:
    // What both generations together may weigh is twice this.
    explicit Generations(std::size_t most_weight, Hash hash = {}) :
        young_(0, hash), old_(0, hash), hash_(hash), most_(most_weight)
    {
    }

    T* find(const Key& key)
    {
        if (const auto found = young_.find(key); found != young_.end())
            return &found->second.value;
        auto found = old_.extract(key);
        if (found.empty())
            return nullptr;
        const std::size_t weight = found.mapped().weight;
        make_room(weight);
        weight_ += weight;
        return &young_.insert(std::move(found)).position->second.value;
    }

    T& put(const Key& key, T value, std::size_t weight = 1)
    {
        erase(key);
        make_room(weight);
        weight_ += weight;
        return young_.emplace(key, Entry{std::move(value), weight}).first->second.value;
    }

    void erase(const Key& key)
    {
        if (const auto found = young_.find(key); found != young_.end()) {
            weight_ -= found->second.weight;
            young_.erase(found);
        }
        old_.erase(key);
    }

    std::size_t size() const { return young_.size() + old_.size(); }

private:
    struct Entry {
        T value;
        std::size_t weight;
    };
    using Map = std::unordered_map<Key, Entry, Hash>;

    void make_room(std::size_t weight)
    {
        if (weight_ + weight <= most_)
            return;
        old_ = std::exchange(young_, Map(0, hash_));
        weight_ = 0;
    }

    Map young_;
    Map old_;
    Hash hash_;
    std::size_t most_;
    std::size_t weight_ = 0;  // of the young ones
};

}  // namespace posthouse
