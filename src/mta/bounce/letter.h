// The part of a notice that people read.
#pragma once

#include "smtp/notice.h"

#include <string>
#include <string_view>

namespace posthouse::mta::bounce {

// UTF-8, lines ending with LF. `host_name`: who writes.
std::string letter(const smtp::Notice& notice, std::string_view host_name, WallTime now);

// "Not delivered: carol@south.test", "Delayed: carol@south.test and 2 more".
std::string subject_of(const smtp::Notice& notice);

// The recipient whose news is the worst: failed before delayed before the good ones. There is at least one.
const smtp::NoticeRecipient& worst_of(const smtp::Notice& notice);

}  // namespace posthouse::mta::bounce
