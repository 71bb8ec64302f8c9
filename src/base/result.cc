#include "base/result.h"

namespace posthouse {

std::string_view to_string(ErrorCode code)
{
    switch (code) {
    case ErrorCode::closed: return "closed";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::too_large: return "too large";
    case ErrorCode::malformed: return "malformed";
    case ErrorCode::not_found: return "not found";
    case ErrorCode::already_exists: return "already exists";
    case ErrorCode::not_permitted: return "not permitted";
    case ErrorCode::over_quota: return "over quota";
    case ErrorCode::limit: return "limit reached";
    case ErrorCode::no_space: return "no space";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::tls: return "tls";
    case ErrorCode::io: return "i/o";
    case ErrorCode::internal: return "internal";
    }
    return "unknown";
}

}  // namespace posthouse
