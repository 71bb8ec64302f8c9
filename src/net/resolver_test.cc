#include "net/fake_resolver.h"
#include "net/test_support.h"

namespace posthouse::net {
namespace {

TEST(FakeResolver, TellsHowALookupFailed)
{
    Loops loops(1);
    FakeResolver dns;
    dns.mx_records["south.test"] = {{10, "mx.south.test"}};
    dns.v4["mx.south.test"] = {"127.0.0.2"};
    dns.aliases["mail.south.test"] = "mx.south.test";
    dns.names_of["127.0.0.2"] = {"mx.south.test"};
    dns.temporary.insert("slow.test");
    dns.bogus.insert("forged.test");
    dns.secure.insert("south.test");

    const auto mx = run(loops[0], dns.mx("South.Test.", patient()));
    ASSERT_TRUE(mx);
    EXPECT_EQ(mx.records, (std::vector<MxRecord>{{10, "mx.south.test"}}));
    EXPECT_TRUE(mx.is_secure);
    const auto address = run(loops[0], dns.addresses("mail.south.test", IpFamily::v4, patient()));
    ASSERT_TRUE(address);
    EXPECT_EQ(address.canonical_name, "mx.south.test");
    EXPECT_FALSE(address.is_secure);
    EXPECT_EQ(run(loops[0], dns.addresses("mx.south.test", IpFamily::v6, patient())).status, LookupStatus::no_data);
    EXPECT_EQ(run(loops[0], dns.txt("nowhere.test", patient())).status, LookupStatus::no_such_name);
    EXPECT_EQ(run(loops[0], dns.mx("slow.test", patient())).status, LookupStatus::temporary);
    EXPECT_EQ(run(loops[0], dns.tlsa("forged.test", patient())).status, LookupStatus::bogus);
    EXPECT_EQ(run(loops[0], dns.names("127.0.0.2", patient())).records.size(), 1u);
    EXPECT_EQ(dns.asked.front(), "mx south.test");
}

}  // namespace
}  // namespace posthouse::net
