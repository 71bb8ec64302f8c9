// Address lists: no crash; what is written is read back as the same; the tempers agree where both accept.
#include "message/address.h"
#include "message/builder.h"
#include "message/header.h"

#include <cstdlib>

using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::vector<Address> lenient = read_addresses(text);
    for (const Address& address : lenient)
        for (const std::string* part :
             {&address.display_name, &address.spec.local_part, &address.spec.domain, &address.route})
            require(part->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);

    const auto strict = parse_addresses(text, AddressRule::addresses_or_none);
    if (!strict) {
        for (const char c : strict.error().text)
            require(c >= ' ' && c < 0x7f);  // it is told to the peer
        return 0;
    }
    require(*strict == lenient);
    for (const Address& address : *strict) {
        if (!address.is_mailbox())
            continue;
        const auto again = parse_addresses(address.text(), AddressRule::one_mailbox);
        require(again && (*again)[0].spec == address.spec && (*again)[0].display_name == address.display_name);
    }
    if (const auto field = address_field("To", *strict)) {
        const auto again = parse_addresses(find_field(*field, "To")->value, AddressRule::addresses_or_none);
        require(again && again->size() == strict->size());
    }
    return 0;
}
