#include "journey/fixture.h"
#include "journey/story.h"

#include <gtest/gtest.h>

#include <random>

namespace posthouse::journey {

namespace {

// A submission: a session of one account with `recipients`, all filed. Answers its id.
Id tell_message(House& house, Id session, const std::string& sender, const std::vector<std::string>& recipients)
{
    const Id message = house.ids.next();
    house.recording.line({session, message, Speaker::client, "MAIL FROM:<" + sender + ">"});
    house.recording.step({.session = session,
                          .message = message,
                          .room = "msa",
                          .step = "sender",
                          .result = "250 2.1.0",
                          .sender = sender,
                          .account = 11});
    Id account = 20;
    for (const std::string& recipient : recipients) {
        house.recording.line({session, message, Speaker::client, "RCPT TO:<" + recipient + ">", recipient});
        house.recording.step({.session = session,
                              .message = message,
                              .room = "msa",
                              .step = "recipient",
                              .result = "250 2.1.5",
                              .recipient = recipient});
        house.recording.line({session, message, Speaker::server, "250 2.1.5 " + recipient + " is known", recipient});
    }
    house.recording.line({session, message, Speaker::client, "[120 bytes of message]"});
    house.recording.step({.session = session,
                          .message = message,
                          .room = "msa",
                          .step = "accepted",
                          .result = "250 2.0.0",
                          .message_id = id_text(message) + "@test",
                          .size = 120});
    for (const std::string& recipient : recipients)
        house.recording.step({.message = message,
                              .room = "mda",
                              .step = "filed",
                              .result = "INBOX, UID 1",
                              .recipient = recipient,
                              .account = ++account});
    return message;
}

Id open_session(House& house)
{
    const Id session = house.ids.next();
    house.recording.hop({.session = session, .way = HopWay::in, .room = "msa", .peer = "127.0.0.1:5000"});
    house.recording.line({session, 0, Speaker::client, "EHLO x"});
    house.recording.tls({.session = session, .room = "msa", .version = "TLSv1.3", .cipher = "AES"});
    house.recording.step(
        {.session = session, .room = "msa", .step = "login", .result = "alice@north.test", .account = 11});
    return session;
}

std::vector<std::string> lines_of(const std::vector<Event>& events)
{
    std::vector<std::string> lines;
    for (const Event& event : events)
        if (event.kind == Kind::line)
            lines.emplace_back(event[Text::text]);
    return lines;
}

}  // namespace

TEST(SegmentTest, EventsComeBackAsTheyWere)
{
    Event first{.kind = Kind::step, .at = WallTime(Duration(1'790'000'000'000'001)), .session = 5, .message = ~Id{0}};
    first.set(Text::room, "msa");
    first.set(Text::reason, std::string("a\0\r\n\xff", 5));
    first.set(Number::account, std::numeric_limits<std::uint64_t>::max());
    Event second{.kind = Kind::line, .at = WallTime(Duration(-5)), .session = 9, .message = 3};
    SegmentWriter writer;
    writer.write(first);
    writer.write(second);
    const std::string bytes = writer.take();
    SegmentReader reader(bytes);
    EXPECT_EQ(reader.next(), first);
    EXPECT_EQ(reader.next(), second);
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_TRUE(reader.ok());
}

TEST(SegmentTest, FieldsAndKindsOfALaterVersionAreSkipped)
{
    SegmentWriter writer;
    writer.begin(static_cast<Kind>(200), WallTime{}, 1, 2).add(static_cast<Text>(60), "new").end();
    writer.begin(Kind::step, WallTime{}, 1, 2).add(static_cast<Number>(120), 7).add(Text::step, "filed").end();
    const std::string bytes = writer.take();
    SegmentReader reader(bytes);
    ASSERT_TRUE(reader.next());
    EXPECT_EQ((*reader.next())[Text::step], "filed");
    EXPECT_TRUE(reader.ok());
}

TEST(SegmentTest, LongTextsAreCutAndSaySo)
{
    SegmentWriter writer;
    writer.begin(Kind::line, WallTime{}, 1, 2).add(Text::text, std::string(5000, 'x')).end();
    const std::string bytes = writer.take();
    SegmentReader reader(bytes);
    EXPECT_EQ((*reader.next())[Text::text], std::string(longest_text, 'x') + " [2952 bytes more]");
}

TEST(RowsTest, DigestsAndChunksComeBack)
{
    const Digest digest{.stored = 7, .subjects = {3, 9, ~Id{0}}, .found = {{3, 0xffffffff}, {9, 0}}};
    EXPECT_EQ(*read_digest(write_digest(digest)), digest);
    const std::vector<std::string> segments{"one", "", std::string(100'000, 'x')};
    EXPECT_EQ(*unpack(pack(segments)), segments);
    EXPECT_LT(pack(segments).size(), 1000u);
    std::string spoilt = pack(segments);
    spoilt[spoilt.size() / 2] ^= 1;
    EXPECT_FALSE(unpack(spoilt) && *unpack(spoilt) == segments);
    EXPECT_FALSE(unpack(""));
    EXPECT_FALSE(read_digest(write_digest(digest).substr(0, 9)));
}

TEST(RowsTest, ADayIsAPartition)
{
    const Id noon = Id{20'000ULL * 24 * 60 * 60 * 1000} << 16;
    EXPECT_EQ(day_of(noon), 20'000u);
    EXPECT_EQ(day_of(noon - 1), 19'999u);
}

TEST(JourneysTest, AMessageIsFoundByIdWithTheBeginningOfItsSession)
{
    House house;
    house.start();
    const Id session = open_session(house);
    const Id first = tell_message(house, session, "alice@north.test", {"bob@north.test"});
    const Id second = tell_message(house, session, "alice@north.test", {"carol@north.test"});
    house.recording.line({session, 0, Speaker::client, "QUIT"});
    house.recording.step({.session = session, .room = "msa", .step = "closed"});

    const Result<Told> told = house.run(house.journeys.of_message(second));
    ASSERT_TRUE(told);
    EXPECT_EQ(lines_of(told->events),
              (std::vector<std::string>{"EHLO x", "MAIL FROM:<alice@north.test>", "RCPT TO:<carol@north.test>",
                                        "250 2.1.5 carol@north.test is known", "[120 bytes of message]", "QUIT"}));
    const Result<Told> other = house.run(house.journeys.of_message(first));
    ASSERT_TRUE(other);
    EXPECT_EQ(lines_of(other->events).back(), "[120 bytes of message]");
    const Result<std::vector<Event>> all = house.run(house.journeys.of_session(session));
    ASSERT_TRUE(all);
    EXPECT_EQ(lines_of(*all).size(), 10u);
    EXPECT_EQ(house.run(house.journeys.of_message(second + 1)).error().code, ErrorCode::not_found);
}

TEST(JourneysTest, ABeginningIsFoundThoughItWasWrittenLongBefore)
{
    House house;
    house.start();
    const Id session = open_session(house);
    house.run(house.journeys.search({}));
    for (int day = 0; day < 3; ++day) {
        house.clock.advance(24h);
        const Id other = open_session(house);
        tell_message(house, other, "x@north.test", {"y@north.test"});
        house.run(house.journeys.search({}));
    }
    const Id message = tell_message(house, session, "alice@north.test", {"bob@north.test"});
    house.clock.advance(50h);  // a retry, days later
    house.recording.wait({.message = message, .room = "mta/queue", .recipient = "bob@north.test", .attempts = 3});
    const Result<Told> told = house.run(house.journeys.of_message(message));
    ASSERT_TRUE(told);
    EXPECT_EQ(lines_of(told->events).front(), "EHLO x");
    EXPECT_EQ(told->events.back()[Number::attempts], 3u);
}

TEST(JourneysTest, SearchBySenderRecipientMessageIdAccountAndTime)
{
    House house;
    house.start();
    const Id session = open_session(house);
    const Id first = tell_message(house, session, "alice@north.test", {"bob@north.test", "eve@north.test"});
    house.clock.advance(1h);
    const WallTime later = house.clock.now();
    const Id second = tell_message(house, session, "alice@north.test", {"bob@north.test"});
    const auto ids = [&](Query query) {
        std::vector<Id> found;
        const Result<std::vector<Told>> answer = house.run(house.journeys.search(std::move(query)));
        if (answer)
            for (const Told& told : *answer)
                found.push_back(told.message);
        return found;
    };
    EXPECT_EQ(ids({}), (std::vector<Id>{first, second}));
    EXPECT_EQ(ids({.from = "Alice@North.test"}), (std::vector<Id>{first, second}));
    EXPECT_EQ(ids({.from = "bob@north.test"}), (std::vector<Id>{}));
    EXPECT_EQ(ids({.to = "eve@north.test"}), (std::vector<Id>{first}));
    EXPECT_EQ(ids({.from = "alice@north.test", .to = "eve@north.test"}), (std::vector<Id>{first}));
    EXPECT_EQ(ids({.from = "mallory@north.test", .to = "eve@north.test"}), (std::vector<Id>{}));
    EXPECT_EQ(ids({.message_id = id_text(second) + "@test"}), (std::vector<Id>{second}));
    EXPECT_EQ(ids({.since = later}), (std::vector<Id>{second}));
    EXPECT_EQ(ids({.until = later - 1s}), (std::vector<Id>{first}));
    EXPECT_EQ(ids({.most = 1}), (std::vector<Id>{second}));
    EXPECT_EQ(ids({.account = 22}), (std::vector<Id>{first}));  // eve
    EXPECT_EQ(ids({.account = 99}), (std::vector<Id>{}));
}

TEST(JourneysTest, FollowersSeeWhatIsWrittenBehindTheirPlace)
{
    House house;
    house.start();
    tell_message(house, open_session(house), "a@north.test", {"b@north.test"});
    house.run(house.journeys.search({}));
    const Result<Tail> start = house.run(house.journeys.follow(0, 0s));
    ASSERT_TRUE(start);
    EXPECT_TRUE(start->events.empty());
    const Result<Tail> nothing = house.run(house.journeys.follow(start->last, 1ms));
    ASSERT_TRUE(nothing);
    EXPECT_EQ(nothing->last, start->last);
    house.recording.step({.message = 5, .room = "mda", .step = "filed"});
    const Result<Tail> tail = house.run(house.journeys.follow(start->last, 60s));
    ASSERT_TRUE(tail);
    ASSERT_EQ(tail->events.size(), 1u);
    EXPECT_EQ(tail->events[0].message, 5u);
    EXPECT_GT(tail->last, start->last);
}

TEST(JourneysTest, WhatIsOldGoes)
{
    House house({.days = 3});
    house.start();
    const Id session = open_session(house);
    const Id old = tell_message(house, session, "a@north.test", {"b@north.test"});
    ASSERT_TRUE(house.run(house.journeys.of_message(old)));
    house.clock.advance(3 * 24h);
    ASSERT_TRUE(house.run(house.journeys.sweep()));
    EXPECT_TRUE(house.run(house.journeys.of_message(old)));
    const Id fresh = tell_message(house, session, "a@north.test", {"b@north.test"});
    ASSERT_TRUE(house.run(house.journeys.of_message(fresh)));
    house.clock.advance(24h);
    ASSERT_TRUE(house.run(house.journeys.sweep()));
    EXPECT_FALSE(house.run(house.journeys.of_message(old)));
    EXPECT_TRUE(house.run(house.journeys.of_message(fresh)));
}

TEST(JourneysTest, WhatIsTooMuchGoesOldestFirst)
{
    constexpr std::uint64_t most = 100'000;
    House house({.bytes = most});
    house.start();
    std::mt19937 dice(3);
    std::vector<Id> messages;
    for (int i = 0; i < 60; ++i) {
        const Id session = open_session(house);
        std::string noise(2000, '\0');  // does not pack
        std::ranges::generate(noise, [&] { return static_cast<char>(dice()); });
        house.recording.line({session, 0, Speaker::client, noise});
        house.recording.line({session, 0, Speaker::client, std::string(noise.rbegin(), noise.rend())});
        messages.push_back(tell_message(house, session, "a@north.test", {"b@north.test"}));
        house.clock.advance(2h);
        ASSERT_TRUE(house.run(house.journeys.of_message(messages.back())));
    }
    const Result<std::uint64_t> left = house.run(house.journeys.sweep());
    ASSERT_TRUE(left);
    EXPECT_LE(*left, most);
    EXPECT_GT(*left, most / 2);
    const Result<std::uint64_t> still = house.run(house.journeys.sweep());
    ASSERT_TRUE(still);
    EXPECT_LE(*still, most);
    EXPECT_GT(*still, most / 2);
    EXPECT_FALSE(house.run(house.journeys.of_message(messages.front())));
    EXPECT_TRUE(house.run(house.journeys.of_message(messages.back())));
}

TEST(RecordingTest, ADialogueIsKeptToItsLimitAndStepsGoOn)
{
    House house({}, {.dialogue_bytes = 1000});
    house.start();
    const Id session = open_session(house);
    const Id message = house.ids.next();
    house.recording.line({session, message, Speaker::client, "MAIL FROM:<a@north.test>"});
    for (int i = 0; i < 500; ++i)
        house.recording.line({session, message, Speaker::client, "NOOP " + std::to_string(i)});
    house.recording.step({.session = session, .message = message, .room = "msa", .step = "accepted"});
    house.recording.line({session, message + 1, Speaker::client, "the next message has a limit of its own"});
    const Result<Told> told = house.run(house.journeys.of_message(message));
    ASSERT_TRUE(told);
    EXPECT_LT(lines_of(told->events).size(), 50u);
    EXPECT_EQ(std::ranges::count(told->events, Kind::cut, &Event::kind), 1);
    EXPECT_EQ(told->events.back()[Text::step], "accepted");
    EXPECT_EQ(house.run(house.journeys.of_message(message + 1)).value().events.back()[Text::text],
              "the next message has a limit of its own");
}

TEST(RecordingTest, WhenTheWriterFallsBehindItDropsCountsAndSaysSo)
{
    House house({}, {.held_bytes = 10'000});
    for (int i = 0; i < 1000; ++i)
        house.recording.step({.message = 7, .room = "mda", .step = "filed", .reason = "0123456789"});
    house.start();
    const Result<Told> told = house.run(house.journeys.of_message(7));
    ASSERT_TRUE(told);
    EXPECT_LT(told->events.size(), 500u);
    EXPECT_EQ(told->events.size() + house.journeys.dropped(), 1000u);
    EXPECT_EQ(house.log.lines, 1);
    house.recording.step({.message = 8, .room = "mda", .step = "filed"});  // and goes on afterwards
    EXPECT_TRUE(house.run(house.journeys.of_message(8)));
}

TEST(RecordingTest, ManyThreadsTellAndNothingIsLost)
{
    House house;
    house.start();
    {
        std::vector<std::jthread> threads;
        for (Id session = 1; session <= 4; ++session)
            threads.emplace_back([&house, session] {
                for (int i = 0; i < 2000; ++i)
                    house.recording.step({.session = session, .message = 7, .room = "mda", .step = "filed"});
            });
    }
    const Result<Told> told = house.run(house.journeys.of_message(7));
    ASSERT_TRUE(told);
    EXPECT_EQ(told->events.size(), 8000u);
}

TEST(RecordingTest, NoiseThatDoesNotPackStillFitsIntoRows)
{
    House house;
    house.start();
    std::mt19937 dice(4);
    for (int i = 0; i < 400; ++i) {
        std::string noise(longest_text, '\0');
        std::ranges::generate(noise, [&] { return static_cast<char>(dice()); });
        house.recording.step(
            {.message = 7, .room = noise, .step = noise, .result = noise, .reason = noise, .recipient = noise});
    }
    const Result<Told> told = house.run(house.journeys.of_message(7));
    ASSERT_TRUE(told);
    EXPECT_EQ(told->events.size(), 400u);
    EXPECT_EQ(house.journeys.dropped(), 0u);
}

TEST(JourneysTest, WhatIsToldAndAskedBeforeTheWriterRunsIsNotForgotten)
{
    House house;
    house.recording.step({.message = 7, .room = "mda", .step = "filed"});
    std::promise<bool> found;
    asio::co_spawn(house.loops[1].executor(), house.journeys.of_message(7),
                   [&found](std::exception_ptr, Result<Told> told) { found.set_value(told.has_value()); });
    std::this_thread::sleep_for(20ms);  // likelier to ask first; right in either order
    house.start();
    EXPECT_TRUE(found.get_future().get());
}

TEST(JourneysTest, WhatIsToldLastIsWrittenWhenTheHouseStops)
{
    House house;
    house.start();
    house.recording.step({.message = 7, .room = "mda", .step = "filed"});
    house.stop();
    EXPECT_TRUE(house.run(house.journeys.of_message(7)));
}

TEST(StoryTest, EndsOfRecipients)
{
    House house;
    house.start();
    const Id session = open_session(house);
    const Id message = tell_message(house, session, "alice@north.test", {"sales@north.test"});  // filed for account 21
    house.recording.step(
        {.message = message, .room = "mda", .step = "filed", .recipient = "sales@north.test", .account = 30});
    house.recording.step({.session = session,
                          .message = message,
                          .room = "msa",
                          .step = "recipient refused",
                          .result = "550 5.1.1",
                          .recipient = "nobody@north.test"});
    const Story story = tell_story(message, house.run(house.journeys.of_message(message)).value().events);
    EXPECT_EQ(story.sender, "alice@north.test");
    EXPECT_TRUE(story.was_accepted);
    EXPECT_EQ(story.size, 120u);
    ASSERT_EQ(story.hops.size(), 1u);
    EXPECT_TRUE(story.hops[0].tls);
    ASSERT_EQ(story.ends.size(), 3u);
    EXPECT_EQ(story.ends[0].state, EndState::filed);
    EXPECT_EQ(story.ends[0].account, 21u);
    EXPECT_EQ(story.ends[1].account, 30u);
    EXPECT_EQ(story.ends[2].state, EndState::refused);
}

TEST(StoryTest, AConnectionThatIsOlderDoesNotMakeTheMessageOlder)
{
    House house;
    house.start();
    house.recording.hop({.session = 70, .message = 60, .way = HopWay::out, .peer = "127.0.0.2:2525"});
    house.recording.line({70, 60, Speaker::client, "EHLO north.test"});
    house.recording.line({70, 60, Speaker::client, "MAIL FROM:<other@north.test>"});
    house.clock.advance(10s);
    const WallTime begun = house.clock.now();
    const Id message = tell_message(house, open_session(house), "alice@north.test", {"bob@north.test"});
    house.clock.advance(1s);
    house.recording.hop({.session = 70, .message = message, .way = HopWay::out, .peer = "127.0.0.2:2525"});
    house.recording.line({70, message, Speaker::client, "MAIL FROM:<alice@north.test>"});
    const Story story = tell_story(message, house.run(house.journeys.of_message(message)).value().events);
    EXPECT_EQ(story.began, begun);
    EXPECT_EQ(story.ended, begun + 1s);
    ASSERT_EQ(story.hops.size(), 2u);
    const auto outward = std::ranges::find(story.hops, Id{70}, &Hop::session);
    ASSERT_EQ(outward->dialogue.size(), 2u);  // the greeting, and its own MAIL
    EXPECT_EQ(outward->dialogue[0][Text::text], "EHLO north.test");
    EXPECT_EQ(outward->dialogue[1][Text::text], "MAIL FROM:<alice@north.test>");
}

// Alice (account 11) writes to bob (21), eve (22) and, hidden, to carol (23).
class ViewerTest : public testing::Test {
protected:
    ViewerTest()
    {
        house.start();
        message = tell_message(house, open_session(house), "alice@north.test",
                               {"bob@north.test", "eve@north.test", "carol@north.test"});
        house.recording.dns({.message = message, .room = "mta/route", .question = "MX south.test", .answer = "mx"});
        house.recording.wait({.message = message, .room = "mta/queue", .recipient = "eve@north.test"});
        house.recording.hop({.session = 77, .message = message, .way = HopWay::out, .peer = "127.0.0.2:2525"});
        house.recording.line({77, message, Speaker::client, "MAIL FROM:<alice@north.test>"});
    }
    std::string seen_by(Id account)
    {
        const auto seen = visible_to({account}, house.run(house.journeys.of_message(message)).value().events);
        std::string text;
        if (seen)
            for (const Event& event : *seen) {
                text += "* ";
                for (const auto& [field, value] : event.texts)
                    text += value + " ";
            }
        return text;
    }

    House house;
    Id message = 0;
};

TEST_F(ViewerTest, TheOperatorSeesEverything)
{
    const std::string seen = seen_by(0);
    for (const char* what : {"bob@", "eve@", "carol@", "UID 1", "MX south.test", "127.0.0.2"})
        EXPECT_NE(seen.find(what), std::string::npos) << what;
}

TEST_F(ViewerTest, TheSubmitterSeesAllFatesButNobodysMailbox)
{
    const std::string seen = seen_by(11);
    for (const char* what :
         {"bob@", "eve@", "carol@", "MX south.test", "127.0.0.2", "it is in the recipient's mailbox"})
        EXPECT_NE(seen.find(what), std::string::npos) << what;
    EXPECT_EQ(seen.find("UID 1"), std::string::npos);
}

TEST_F(ViewerTest, ARecipientSeesTheOwnWayAndNobodyElse)
{
    const std::string seen = seen_by(21);
    for (const char* what : {"alice@", "EHLO x", "TLSv1.3", "RCPT TO:<bob@north.test>", "bob@north.test is known",
                             "INBOX, UID 1", "[120 bytes of message]"})
        EXPECT_NE(seen.find(what), std::string::npos) << what;
    for (const char* what : {"eve", "carol", "MX south.test", "127.0.0.2"})
        EXPECT_EQ(seen.find(what), std::string::npos) << what << " in " << seen;
}

TEST_F(ViewerTest, WhoHasNothingToDoWithItSeesNothing) { EXPECT_EQ(seen_by(99), ""); }

}  // namespace posthouse::journey
