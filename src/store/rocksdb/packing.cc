#include "store/rocksdb/packing.h"

#include <mutex>
#include <vector>

#include <zstd.h>

namespace posthouse::store {

namespace {

constexpr int level = 1;
constexpr std::size_t least_bytes = 512;  // below it packing does not pay
constexpr char form_raw = 0;
constexpr char form_zstd = 1;

std::string raw(std::string_view value)
{
    std::string stored;
    stored.reserve(1 + value.size());
    stored += form_raw;
    stored += value;
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
    ZSTD_CCtx* context = value.size() < least_bytes ? nullptr : contexts_->packing.take();
    if (context == nullptr)
        return raw(value);
    // Room for a frame that is worth it; where it does not fit, the value stays as it is.
    std::string stored(1 + value.size() - value.size() / 16, form_zstd);
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
