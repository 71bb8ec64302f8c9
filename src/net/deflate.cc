#include "net/deflate.h"

#include <algorithm>

#include <zlib.h>

namespace posthouse::net {

namespace {

constexpr int raw_window = -15;  // RFC 4978 section 3: no zlib header
constexpr int memory_level = 8;
constexpr int level = 5;  // mail is text: most of the gain for half the work of the best

// One a thread, used by whoever writes at the moment; begins anew each time.
class Compressor {
public:
    Compressor()
    {
        ready_ = deflateInit2(&stream_, level, Z_DEFLATED, raw_window, memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~Compressor()
    {
        if (ready_)
            deflateEnd(&stream_);
    }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    bool begin() { return ready_ && deflateReset(&stream_) == Z_OK; }
    bool add(std::string_view bytes, int flush, std::string& out)
    {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            char block[16 * 1024];
            stream_.next_out = reinterpret_cast<Bytef*>(block);
            stream_.avail_out = sizeof block;
            if (::deflate(&stream_, flush) == Z_STREAM_ERROR)
                return false;
            out.append(block, sizeof block - stream_.avail_out);
        } while (stream_.avail_out == 0);
        return true;
    }

private:
    z_stream stream_{};
    bool ready_ = false;
};

}  // namespace

Result<std::string> deflate(std::span<const std::string> pieces)
{
    static thread_local Compressor compressor;
    std::string out;
    bool works = compressor.begin();
    for (const std::string& piece : pieces)
        works = works && compressor.add(piece, Z_NO_FLUSH, out);
    // Up to a byte's end, so that a new beginning can follow it: the stream itself never ends.
    if (!works || !compressor.add({}, Z_FULL_FLUSH, out))
        return fail(ErrorCode::internal, "deflate");
    return out;
}

struct Inflater::State {
    z_stream stream{};
    bool ready = false;
};

Inflater::Inflater() : state_(std::make_unique<State>())
{
    state_->ready = inflateInit2(&state_->stream, raw_window) == Z_OK;
}

Inflater::~Inflater()
{
    if (state_->ready)
        inflateEnd(&state_->stream);
}

Inflater::Outcome Inflater::inflate(std::string_view& packed, std::span<char>& room)
{
    if (!state_->ready)
        return Outcome::broken;
    z_stream& stream = state_->stream;
    constexpr std::size_t most = 1u << 30;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(std::min(packed.size(), most));
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(std::min(room.size(), most));
    const std::size_t given = stream.avail_in;
    const std::size_t offered = stream.avail_out;
    const int result = ::inflate(&stream, Z_SYNC_FLUSH);
    packed.remove_prefix(given - stream.avail_in);
    const std::size_t written = offered - stream.avail_out;
    room = room.subspan(written);
    if (result == Z_STREAM_END)
        return Outcome::ended;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return Outcome::broken;
    return written > 0 ? Outcome::more : Outcome::starved;
}

}  // namespace posthouse::net
