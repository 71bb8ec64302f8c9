// ENVELOPE, BODY and BODYSTRUCTURE, written from what was computed when the message was filed.
// RFC 3501 section 7.4.2.
#pragma once

#include "imap/grammar/serializer.h"
#include "message/digest.h"

namespace posthouse::imap {

void write_envelope(Serializer& out, const message::Envelope& envelope);
void write_envelope(Serializer& out, const message::EnvelopeView& envelope);

enum class StructureForm { body, body_structure };  // without and with extension data
// Of the whole message. Walks the parts in their order; does not recurse (HOSTILE A13).
void write_structure(Serializer& out, const message::Digest& digest, StructureForm form);

}  // namespace posthouse::imap
