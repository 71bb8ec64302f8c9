#include "imap/server/progress.h"

namespace posthouse::imap {

namespace {

constexpr Duration turn = 5ms;

}  // namespace

Progress::Progress(Session& session, std::string tag, std::string doing) :
    session_(session),
    tag_(std::move(tag)),
    doing_(std::move(doing)),
    turn_began_(session.services().clock.steady()),
    told_(turn_began_)
{
}

Task<Result<void>> Progress::pause(std::uint64_t done, std::uint64_t all)
{
    SteadyTime now = session_.services().clock.steady();
    // RFC 9585 section 4: the goal is more than what is done; a tag that would close the code is left out.
    if (now - told_ >= session_.options().progress_every && done < all) {
        Serializer& out = session_.out();
        out.raw("* OK [INPROGRESS (");
        if (tag_.find(']') == std::string::npos)
            out.string(tag_);
        else
            out.raw("NIL");
        out.raw(" ").number(done).raw(" ").number(all).raw(")] ");
        out.text(doing_).crlf();
        const Result<void> sent = co_await session_.channel().flush();
        if (!sent)
            co_return fail(ErrorCode::closed);
        now = told_ = session_.services().clock.steady();
    }
    if (now - turn_began_ < turn)
        co_return Result<void>{};
    co_await sleep_for(0us);
    turn_began_ = session_.services().clock.steady();
    co_return Result<void>{};
}

}  // namespace posthouse::imap
