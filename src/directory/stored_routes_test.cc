#include "directory/test_house.h"

namespace posthouse::directory {
namespace {

StoredRoute to(std::string domain, std::string host, std::uint16_t port = 587)
{
    return {.domain = std::move(domain), .host = std::move(host), .port = port};
}

TEST(StoredRoutes, ADomainsOwnRouteGoesBeforeThatForAll)
{
    TestHouse house;
    EXPECT_FALSE(house.run(house.made.routes->route_of("south.test"))->has_value());
    ASSERT_TRUE(house.run(house.made.routes->set_route(to("*", "Relay.Example.ORG", 25))));
    StoredRoute own = to("South.test", "127.0.0.2", 465);
    own.tls = RouteTls::implicit;
    own.verify_certificate = true;
    own.login = "north";
    own.password = "secret";
    ASSERT_TRUE(house.run(house.made.routes->set_route(own)));
    house.reopen();

    const auto south = house.run(house.made.routes->route_of("SOUTH.test."));
    ASSERT_TRUE(south && *south);
    EXPECT_EQ((*south)->domain, "south.test");
    EXPECT_EQ((*south)->host, "127.0.0.2");
    EXPECT_EQ((*south)->port, 465);
    EXPECT_EQ((*south)->tls, RouteTls::implicit);
    EXPECT_TRUE((*south)->verify_certificate);
    EXPECT_EQ((*south)->password, "secret");
    const auto other = house.run(house.made.routes->route_of("elsewhere.test"));
    ASSERT_TRUE(other && *other);
    EXPECT_EQ((*other)->domain, "*");
    EXPECT_EQ((*other)->host, "relay.example.org");
    EXPECT_EQ(house.run(house.made.routes->routes())->size(), 2u);

    ASSERT_TRUE(house.run(house.made.routes->remove_route("south.test")));
    EXPECT_EQ((*house.run(house.made.routes->route_of("south.test")))->domain, "*");
    const auto gone = house.run(house.made.routes->remove_route("south.test"));
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error(), ErrorCode::not_found);
}

TEST(StoredRoutes, RefusesWhatCannotBeMeant)
{
    TestHouse house;
    const auto refused = [&](StoredRoute route) {
        const auto set = house.run(house.made.routes->set_route(std::move(route)));
        return !set && set.error() == ErrorCode::malformed;
    };
    EXPECT_TRUE(refused(to("south.test", "relay.test", 0)));
    EXPECT_TRUE(refused(to("not a domain", "relay.test")));
    EXPECT_TRUE(refused(to("south.test", "no host")));
    StoredRoute in_the_clear = to("south.test", "relay.test");
    in_the_clear.login = "me";
    in_the_clear.password = "secret";
    EXPECT_TRUE(refused(in_the_clear));
    in_the_clear.tls = RouteTls::required;
    EXPECT_FALSE(refused(in_the_clear));
    in_the_clear.password = "se\r\ncret";
    EXPECT_TRUE(refused(in_the_clear));
}

}  // namespace
}  // namespace posthouse::directory
