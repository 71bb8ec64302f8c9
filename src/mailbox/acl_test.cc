#include "mailbox/acl.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {

TEST(AclTest, RightsAreLetters)
{
    EXPECT_EQ(text_of(*rights_of("rl")), "lr");
    EXPECT_EQ(text_of(*rights_of("c")), "kxc") << "RFC 4314 section 2.1.1: the old rights";
    EXPECT_EQ(text_of(*rights_of("d")), "ted");
    EXPECT_EQ(text_of(Rights::all()), "lrswipkxteacd");
    EXPECT_EQ(rights_of("lq").error(), ErrorCode::malformed);
}

TEST(AclTest, EntriesAreAddedAndTakenAway)
{
    Acl acl = changed({}, {.account = 7, .rights = *rights_of("lr")}, AclChange::replace);
    acl = changed(acl, {.account = 7, .rights = *rights_of("i")}, AclChange::add);
    acl = changed(acl, {.account = anyone, .rights = *rights_of("l")}, AclChange::add);
    EXPECT_EQ(rights_in(acl, 7), *rights_of("lri"));
    EXPECT_EQ(rights_in(acl, 8), *rights_of("l")) << "what anyone may";
    acl = changed(acl, {.account = 7, .negative = true, .rights = *rights_of("r")}, AclChange::replace);
    EXPECT_EQ(rights_in(acl, 7), *rights_of("li")) << "a negative entry takes away";
    acl = changed(acl, {.account = 7, .rights = Rights::all()}, AclChange::remove);
    ASSERT_EQ(acl.size(), 2u) << "an entry without rights goes";
    EXPECT_EQ(acl.front().account, anyone) << "in order";
}

}  // namespace posthouse::mailbox
