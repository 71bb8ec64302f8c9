#include "net/line_framer.h"

#include <algorithm>

namespace posthouse::net {

LineFramer::Frame LineFramer::next(std::string_view input)
{
    std::size_t skipped = 0;
    if (swallowing_) {
        const std::size_t lf = input.find('\n');
        skipped = lf == input.npos ? input.size() : lf + 1;
        swallowed_ += skipped;
        swallowing_ = lf == input.npos;
        input.remove_prefix(skipped);
    }

    // A CR that is the last byte seen is not judged before the next one is there, so the scan of
    // the next call begins with it.
    const std::string_view window = input.substr(0, most_);
    const std::size_t from = std::min(scanned_, window.size());
    const std::size_t lf = window.find('\n', from);
    const std::size_t cr = window.substr(0, lf).find('\r', from);
    const std::size_t end = std::min(lf, cr);
    Frame frame;
    if (end == window.npos) {
        scanned_ = window.size();
        if (window.size() == most_)
            frame = fault(Kind::too_long, window, window.size());
    } else if (window[end] == '\n') {
        frame = {Kind::bare_lf, window.substr(0, end), end + 1};
        scanned_ = 0;
    } else if (end + 1 < window.size()) {
        if (window[end + 1] == '\n') {
            frame = {Kind::line, window.substr(0, end), end + 2};
            scanned_ = 0;
        } else {
            frame = fault(Kind::bare_cr, window.substr(0, end), end + 1);
        }
    } else {
        scanned_ = end;
        if (window.size() == most_)
            frame = fault(Kind::too_long, window.substr(0, end), window.size());
    }
    frame.consumed += skipped;
    return frame;
}

LineFramer::Frame LineFramer::fault(Kind kind, std::string_view line, std::size_t consumed)
{
    swallowing_ = true;
    scanned_ = 0;
    return {kind, line, consumed};
}

void LineFramer::reset()
{
    scanned_ = 0;
    swallowing_ = false;
}

}  // namespace posthouse::net
