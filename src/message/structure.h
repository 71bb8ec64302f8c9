// What follows from a Digest's parts alone. Private to the room.
#pragma once

#include "message/digest.h"

namespace posthouse::message {

// Part::after of all parts, from their parents. The parts stand in pre-order.
void fill_after(Digest& digest);

// Is there a part that a reader should offer for download: one that is neither the message's text nor the
// machinery of its structure (signatures, reports, pictures shown in the text)?
bool has_attachment(const Digest& digest);

}  // namespace posthouse::message
