// The items of a FETCH that need a message's bytes: BODY[…], RFC822 and its kin, BINARY[…].
#pragma once

#include "imap/server/binary_section.h"
#include "imap/server/session.h"

namespace posthouse::imap {

bool is_of_bytes(FetchAttribute::Kind kind);
// "BODY[1]<0>", "RFC822", "BINARY[2]": as the answer calls it.
void write_section_name(Serializer& out, const FetchAttribute& attribute);

// One message's, while its response is written: the bytes that were read, then each item in its turn.
// Lifetime: all that it is given outlives it.
class MessageBytes {
public:
    MessageBytes(Session& session, const std::vector<FetchAttribute>& attributes, const mailbox::Email& email) :
        session_(session), attributes_(attributes), email_(email)
    {
    }

    // All that can fail is done first, so that a message that cannot be read leaves no half response.
    Task<Result<void>> read();
    // Items in the order of the attributes. An error: the session cannot go on.
    Task<Result<void>> write(const FetchAttribute& attribute);

private:
    struct Binary {
        std::optional<BinaryPart> part;
        BinaryFacts facts;
        std::optional<std::string> decoded;  // of a small message
    };

    Task<Result<void>> read_ahead(const FetchAttribute& attribute);
    Task<Result<void>> read_binary(const FetchAttribute& attribute);
    Task<Result<void>> write_binary(const FetchAttribute& attribute);
    Task<Result<void>> collect(Octets octets, std::string& into);
    Task<Result<void>> stream(Octets octets);
    Task<Result<void>> stream_decoded(const BinaryPart& part, Octets wanted);
    Task<bool> send(std::string piece);
    Task<bool> send_decoded(message::TransferDecoder& decoder, Octets wanted, std::string piece);
    Task<Result<void>> broken_off(const Result<void>& read);
    std::string_view header_for(Octets octets);
    bool is_last(const FetchAttribute& attribute) const;

    Session& session_;
    const std::vector<FetchAttribute>& attributes_;
    const mailbox::Email& email_;
    std::optional<std::string> whole_;
    std::vector<std::string> headers_;  // of a large message, in the attributes' order
    std::size_t next_header_ = 0;
    std::vector<Binary> binaries_;  // in the attributes' order
    std::size_t next_binary_ = 0;
    std::uint64_t left_ = 0;  // of the literal that is being sent
    std::uint64_t decoded_ = 0;  // so far, of a part that is sent decoded
};

}  // namespace posthouse::imap
