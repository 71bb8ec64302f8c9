// What the index is told of one message: the same texts that SEARCH compares where it reads the message itself.
#pragma once

#include "mailbox/reading.h"
#include "search/builder.h"

namespace posthouse::mailbox {

Task<Result<std::vector<search::FieldText>>> indexed_texts(const EmailReader* reader, Email email);

}  // namespace posthouse::mailbox
