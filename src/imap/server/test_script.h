// For tests: conversations as people write them down (net/test_script.h), held with real sessions over socket pairs.
#pragma once

#include "imap/server/test_house.h"
#include "net/test_script.h"

namespace posthouse::imap {

using net::fits;
using net::heard_line;
using net::patient;
using net::play;
using net::turns_of;
using net::unescaped;

inline void expect_conversation(TestHouse& house, std::string_view script)
{
    const std::string fault = house.run(play(house, turns_of(script)));
    if (!fault.empty())
        ADD_FAILURE() << fault;
}

inline void expect_conversation(std::string_view script)
{
    TestHouse house;
    expect_conversation(house, script);
    EXPECT_EQ(house.log.text(), "");
}

// The script with the usual beginning before it: a login of alice on the first connection.
inline std::string as_alice(std::string_view script)
{
    return "S: * OK [CAPABILITY …] north.test Posthouse IMAP is ready\nC: l LOGIN alice@north.test posthouse\n"
           "S: l OK [CAPABILITY …] welcome\n" +
        std::string(script);
}
// Alice on the first connection, Bob on the second.
inline std::string alice_and_bob(std::string_view script)
{
    return as_alice("S2: * OK …\nC2: l LOGIN bob@north.test posthouse\nS2: l OK …\n" + std::string(script));
}
inline std::string both_as_alice(std::string_view script)
{
    return as_alice("S2: * OK …\nC2: l LOGIN alice@north.test posthouse\nS2: l OK …\n" + std::string(script));
}

}  // namespace posthouse::imap
