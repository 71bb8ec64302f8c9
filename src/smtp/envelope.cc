#include "smtp/envelope.h"

#include "smtp/path_grammar.h"

namespace posthouse::smtp {

std::string Path::text() const
{
    if (is_null())
        return {};
    std::string out;
    out.reserve(local_part.size() + domain.size() + 3);
    if (is_dot_string(local_part)) {
        out += local_part;
    } else {
        out += '"';
        for (const char c : local_part) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        out += '"';
    }
    if (!domain.empty()) {
        out += '@';
        out += domain;
    }
    return out;
}

}  // namespace posthouse::smtp
