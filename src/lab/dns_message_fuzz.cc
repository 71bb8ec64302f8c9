// A message that was read and fits is the same once written and read again, and whatever the question,
// an answer is a message that can be read.
#include "lab/dns_zones.h"

#include <cstdlib>

using namespace posthouse::lab;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

const DnsZones& zones()
{
    static const DnsZones known = [] {
        DnsZones made;
        made.origins = {"test", "127.in-addr.arpa"};
        made.names["south.test"].mx = {{10, "mx.south.test"}};
        made.names["loop.test"].cname = "loop.test";
        made.names["*.any.test"].txt = {std::string(1000, 'x')};
        made.add_host("mx.south.test", "127.0.0.2");
        made.add_host("mx.south.test", "::2");
        return made;
    }();
    return known;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    const auto message = read_message({reinterpret_cast<const char*>(bytes), size});
    if (!message)
        return 0;
    const std::string written = write_message(*message, 1 << 20);
    auto again = read_message(written);
    must(again.has_value());
    // What is written again is in one section in the order it was read, and of our class.
    must(*again == *message);
    for (const std::size_t most : {most_over_udp, most_over_tcp}) {
        const DnsMessage reply = answer(zones(), *message);
        const std::string reply_bytes = write_message(reply, most);
        must(reply.questions.size() > 1 || reply_bytes.size() <= most);
        const auto read = read_message(reply_bytes);
        must(read && read->is_response && read->id == message->id && read->rcode == reply.rcode);
    }
    return 0;
}
