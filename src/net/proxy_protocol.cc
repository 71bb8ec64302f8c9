#include "net/proxy_protocol.h"

#include "base/text.h"
#include "net/endpoint.h"

#include <cstring>

#include <netinet/in.h>

namespace posthouse::net {

namespace {

using State = ProxyHeader::State;

constexpr std::string_view signature_1 = "PROXY ";
constexpr std::string_view signature_2{"\r\n\r\n\0\r\nQUIT\n", 12};

std::optional<Endpoint> endpoint_of(std::string_view address, std::string_view port, bool is_v6)
{
    const std::optional<std::uint16_t> number = parse_number<std::uint16_t>(port);
    if (!number || address.contains('%') || address.contains('\0'))
        return std::nullopt;
    const Result<SocketAddress> parsed = to_socket_address(std::string(address), *number);
    if (!parsed || (parsed->family() == AF_INET6) != is_v6)
        return std::nullopt;
    return to_endpoint(*parsed);
}

// Section 2.1: "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP port SP port CRLF, or
// "PROXY" SP "UNKNOWN" anything CRLF; 107 bytes at most.
ProxyHeader parse_version_1(std::string_view input)
{
    static constexpr std::size_t most = 107;
    const std::size_t end = input.substr(0, most).find("\r\n");
    if (end == input.npos)
        return {input.size() < most ? State::need_more : State::malformed};
    const std::vector<std::string_view> words = split(input.substr(0, end), ' ');
    ProxyHeader header{State::done, end + 2};
    if (words.size() >= 2 && words[1] == "UNKNOWN")
        return header;
    if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
        return {State::malformed};
    const bool is_v6 = words[1] == "TCP6";
    std::optional<Endpoint> peer = endpoint_of(words[2], words[4], is_v6);
    std::optional<Endpoint> local = endpoint_of(words[3], words[5], is_v6);
    if (!peer || !local)
        return {State::malformed};
    header.ends = ProxyHeader::Ends{std::move(*peer), std::move(*local)};
    return header;
}

unsigned number_at(std::string_view bytes, std::size_t at)
{
    return static_cast<unsigned char>(bytes[at]) * 256u + static_cast<unsigned char>(bytes[at + 1]);
}

template <class Address> Endpoint binary_endpoint(std::string_view address, unsigned port)
{
    SocketAddress result;
    auto& native = reinterpret_cast<Address&>(result.storage);
    if constexpr (std::is_same_v<Address, sockaddr_in>) {
        native.sin_family = AF_INET;
        native.sin_port = htons(static_cast<std::uint16_t>(port));
        std::memcpy(&native.sin_addr, address.data(), 4);
    } else {
        native.sin6_family = AF_INET6;
        native.sin6_port = htons(static_cast<std::uint16_t>(port));
        std::memcpy(&native.sin6_addr, address.data(), 16);
    }
    return to_endpoint(result);
}

// Section 2.2: signature, version and command, family and transport, length of the rest (big endian).
ProxyHeader parse_version_2(std::string_view input)
{
    static constexpr std::size_t fixed = 16;
    if (input.size() < fixed)
        return {State::need_more};
    const unsigned version_command = static_cast<unsigned char>(input[12]);
    const unsigned family = static_cast<unsigned char>(input[13]);
    const std::size_t length = number_at(input, 14);
    if (version_command != 0x20 && version_command != 0x21)
        return {State::malformed};
    if (fixed + length > most_proxy_header)
        return {State::malformed};
    if (input.size() < fixed + length)
        return {State::need_more};
    ProxyHeader header{State::done, fixed + length};
    const std::string_view body = input.substr(fixed, length);
    const bool is_local = version_command == 0x20;
    if (is_local || (family != 0x11 && family != 0x21))
        return header;
    const std::size_t size = family == 0x11 ? 4 : 16;
    if (body.size() < 2 * size + 4)
        return {State::malformed};
    const unsigned peer_port = number_at(body, 2 * size);
    const unsigned local_port = number_at(body, 2 * size + 2);
    if (family == 0x11)
        header.ends = {binary_endpoint<sockaddr_in>(body.substr(0, size), peer_port),
                       binary_endpoint<sockaddr_in>(body.substr(size, size), local_port)};
    else
        header.ends = {binary_endpoint<sockaddr_in6>(body.substr(0, size), peer_port),
                       binary_endpoint<sockaddr_in6>(body.substr(size, size), local_port)};
    return header;
}

bool may_begin_with(std::string_view input, std::string_view signature)
{
    return input.substr(0, signature.size()) == signature.substr(0, input.size());
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view input)
{
    if (may_begin_with(input, signature_1))
        return input.size() < signature_1.size() ? ProxyHeader{} : parse_version_1(input);
    if (may_begin_with(input, signature_2))
        return parse_version_2(input);
    return {State::malformed};
}

}  // namespace posthouse::net
