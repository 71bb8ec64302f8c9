#include "store/rocksdb/packing.h"

#include <mutex>
#include <vector>

#include <lz4.h>
#include <zstd.h>

namespace posthouse::store {

namespace {

constexpr int level = 1;
constexpr std::size_t least_bytes = 512;  // below it packing does not pay
constexpr char form_raw = 0;
constexpr char form_zstd = 1;
constexpr char form_lz4 = 2;
constexpr std::size_t lz4_head = 3;
constexpr std::size_t small = 32 * 1024;  // below it LZ4

// What a packed value may take, to be worth unpacking.
constexpr std::size_t worth_it(std::size_t bytes) { return bytes - bytes / 16; }

std::string raw(std::string_view value)
{
    std::string stored;
    stored.reserve(1 + value.size());
    stored += form_raw;
    stored += value;
    return stored;
}

std::string by_lz4(std::string_view value)
{
    std::string stored;
    stored.resize_and_overwrite(lz4_head + worth_it(value.size()), [value](char* place, std::size_t room) {
        place[0] = form_lz4;
        place[1] = static_cast<char>(value.size() >> 8);
        place[2] = static_cast<char>(value.size());
        const int size = LZ4_compress_default(value.data(), place + lz4_head, static_cast<int>(value.size()),
                                              static_cast<int>(room - lz4_head));
        return size > 0 ? lz4_head + static_cast<std::size_t>(size) : 0;
    });
    if (stored.empty())
        return raw(value);
    stored.shrink_to_fit();
    return stored;
}

template <class Context> class Pool {
public:
    using Make = Context* (*)();
    using Free = std::size_t (*)(Context*);
    Pool(Make make, Free free) : make_(make), free_(free) { }
    ~Pool()
    {
        for (Context* context : idle_)
            free_(context);
    }
    Context* take()
    {
        {
            const std::scoped_lock lock(mutex_);
            if (!idle_.empty()) {
                Context* context = idle_.back();
                idle_.pop_back();
                return context;
            }
        }
        return make_();
    }
    void give_back(Context* context)
    {
        const std::scoped_lock lock(mutex_);
        idle_.push_back(context);
    }

private:
    Make make_;
    Free free_;
    std::mutex mutex_;
    std::vector<Context*> idle_;  // as many as ever were in use at one time: one a thread
};

std::unexpected<Error> damaged() { return fail(ErrorCode::corrupt, "a packed value cannot be unpacked"); }

Result<std::string> from_lz4(std::string_view stored, std::size_t most_bytes)
{
    if (stored.size() < lz4_head)
        return damaged();
    const std::size_t size =
        std::size_t{static_cast<unsigned char>(stored[1])} << 8 | static_cast<unsigned char>(stored[2]);
    if (size == 0 || size > most_bytes)
        return damaged();
    const std::string_view block = stored.substr(lz4_head);
    std::string value;
    value.resize_and_overwrite(size, [block](char* place, std::size_t room) {
        const int got =
            LZ4_decompress_safe(block.data(), place, static_cast<int>(block.size()), static_cast<int>(room));
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    });
    if (value.size() != size)
        return damaged();
    return value;
}

}  // namespace

class Packer::Contexts {
public:
    Pool<ZSTD_CCtx> packing{ZSTD_createCCtx, ZSTD_freeCCtx};
    Pool<ZSTD_DCtx> unpacking{ZSTD_createDCtx, ZSTD_freeDCtx};
};

Packer::Packer() : contexts_(std::make_unique<Contexts>()) { }
Packer::~Packer() = default;

std::string Packer::pack(std::string_view value)
{
    if (value.size() >= least_bytes && value.size() < small)
        return by_lz4(value);
    ZSTD_CCtx* context = value.size() < least_bytes ? nullptr : contexts_->packing.take();
    if (context == nullptr)
        return raw(value);
    // Room for a frame that is worth it; where it does not fit, the value stays as it is.
    std::string stored(1 + worth_it(value.size()), form_zstd);
    const std::size_t size =
        ZSTD_compressCCtx(context, stored.data() + 1, stored.size() - 1, value.data(), value.size(), level);
    contexts_->packing.give_back(context);
    if (ZSTD_isError(size) != 0)
        return raw(value);
    stored.resize(1 + size);
    stored.shrink_to_fit();
    return stored;
}

Result<std::string> Packer::unpack(std::string_view stored, std::size_t most_bytes)
{
    if (stored.empty())
        return damaged();
    const std::string_view rest = stored.substr(1);
    if (stored[0] == form_raw)
        return std::string(rest);
    if (stored[0] == form_lz4)
        return from_lz4(stored, most_bytes);
    if (stored[0] != form_zstd)
        return damaged();
    const unsigned long long size = ZSTD_getFrameContentSize(rest.data(), rest.size());
    if (size > most_bytes)  // also ZSTD_CONTENTSIZE_UNKNOWN and _ERROR
        return damaged();
    ZSTD_DCtx* context = contexts_->unpacking.take();
    if (context == nullptr)
        return fail(ErrorCode::unavailable, "no memory to unpack a value");
    std::string value;
    std::size_t got = 0;
    value.resize_and_overwrite(static_cast<std::size_t>(size), [&](char* place, std::size_t room) {
        got = ZSTD_decompressDCtx(context, place, room, rest.data(), rest.size());
        return ZSTD_isError(got) == 0 ? got : 0;
    });
    contexts_->unpacking.give_back(context);
    if (got != size)
        return damaged();
    return value;
}

}  // namespace posthouse::store
