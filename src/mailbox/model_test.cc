// Random changes against a plain model: after each, the room says exactly what the model says; restarts, failing
// and doubtful commits, other writers in between.
#include "mailbox/fixture.h"
#include "mailbox/rows.h"
#include "mailbox/state.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId account_id = 5;

// POSTHOUSE_DOSE=n tries n times as many seeds as a test of every day.
unsigned seeds(unsigned count)
{
    const char* factor = std::getenv("POSTHOUSE_DOSE");
    return count * static_cast<unsigned>(factor != nullptr ? std::max(1, std::atoi(factor)) : 1);
}

struct ModelMessage {
    std::string text;  // whole, with its prefix
    std::set<std::string> flags;
};

struct ModelMailbox {
    bool selectable = true;
    Uid uid_next = 1;
    std::map<Uid, ModelMessage> messages;
};

struct Model {
    std::map<std::string, ModelMailbox, NameOrder> mailboxes;
    std::set<std::string> subscribed;

    ModelMailbox* usable(const std::string& name)
    {
        const auto found = mailboxes.find(name);
        return found != mailboxes.end() && found->second.selectable ? &found->second : nullptr;
    }
    bool has_children(const std::string& name) const
    {
        const auto next = mailboxes.lower_bound(name + "/");
        return next != mailboxes.end() && next->first.starts_with(name + "/");
    }
    void make_parents(const std::string& name)
    {
        for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1))
            mailboxes.try_emplace(name.substr(0, slash));
    }
};

}  // namespace

class ModelTest : public ::testing::TestWithParam<unsigned> {
protected:
    void SetUp() override
    {
        for (const char* name : {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}) {
            model.mailboxes[name] = {};
            model.subscribed.insert(name);
        }
    }
    unsigned roll(unsigned sides) { return static_cast<unsigned>(dice() % sides); }
    std::string any_name()
    {
        static const std::vector<std::string> names{"INBOX", "Archive", "Trash",   "a",     "a/b",
                                                    "a/b/c", "d",       "INBOX/e", "d/f/g", "nowhere"};
        return names[roll(static_cast<unsigned>(names.size()))];
    }
    std::vector<std::string> any_flags()
    {
        static const std::vector<std::string> flags{"\\Seen", "\\Deleted", "\\Flagged", "$Junk", "work", "home"};
        std::vector<std::string> some;
        for (const std::string& flag : flags)
            if (roll(3) == 0)
                some.push_back(flag);
        return some;
    }
    NumberSet any_uids(const std::string& name)
    {
        const ModelMailbox* mailbox = model.usable(name);
        const unsigned last = mailbox ? mailbox->uid_next + 2 : 5;
        NumberSet set;
        for (unsigned i = 1 + roll(3); i > 0; --i) {
            const Uid from = 1 + roll(last);
            set.add({from, from + roll(last)});
        }
        return set;
    }
    MailboxId id_of(const std::string& name)
    {
        const auto tree = house.run(account->tree());
        const Mailbox* mailbox = tree ? (*tree)->find(name) : nullptr;
        return mailbox ? mailbox->id : 999'999;
    }

    // Whether what was answered is what the model expects. A commit that was made to fail changes nothing.
    template <class R>
    bool went_well(const Result<R>& result, std::optional<ErrorCode> expected, const std::string& what)
    {
        if (armed && !result && result.error() == ErrorCode::unavailable) {
            armed = false;
            return false;
        }
        if (expected) {
            EXPECT_FALSE(result.has_value()) << what;
            if (!result)
                EXPECT_EQ(result.error(), *expected) << what << ": " << result.error().text;
            return false;
        }
        EXPECT_TRUE(result.has_value()) << what << ": " << (result ? "" : result.error().text);
        return result.has_value();
    }

    void file()
    {
        const std::string text = message_text("m" + std::to_string(++serial), roll(300));
        std::vector<Placement> places{{.name = any_name(), .flags = any_flags()}};
        if (roll(4) == 0)
            places.push_back({.name = any_name(), .flags = any_flags()});
        Filing filing = filing_of(text, places, clock.now());
        filing.delivery = roll(2) == 0 ? house.ids.next() : 0;
        const auto filed = house.run(account->file(filing), roll(2));
        if (!went_well(filed, {}, "file"))
            return;
        std::map<std::string, std::set<std::string>> into;
        for (const Placement& place : places) {
            const std::string name = model.usable(place.name) ? place.name : "INBOX";
            into[name].insert(place.flags.begin(), place.flags.end());
        }
        for (const auto& [name, flags] : into) {
            ModelMailbox& mailbox = model.mailboxes[name];
            mailbox.messages[mailbox.uid_next++] = {filing.prefix + text, flags};
        }
        EXPECT_EQ(filed->places.size(), into.size());
        if (filing.delivery == 0)
            return;
        const auto again = house.run(account->file(filing));
        if (went_well(again, {}, "file again")) {
            EXPECT_TRUE(again->was_filed_before);
            EXPECT_EQ(again->email, filed->email);
        }
    }
    void file_several()
    {
        const std::string name = any_name();
        std::vector<Filing> filings;
        std::vector<ModelMessage> made;
        for (unsigned i = 1 + roll(4); i > 0; --i) {
            const std::string text = message_text("m" + std::to_string(++serial), roll(300));
            const auto flags = any_flags();
            filings.push_back(filing_of(text, {{.name = name, .flags = flags}}, clock.now()));
            made.push_back({filings.back().prefix + text, {flags.begin(), flags.end()}});
        }
        const auto filed = house.run(account->file_all(std::move(filings)), roll(2));
        ModelMailbox* mailbox = model.usable(name);
        if (!went_well(filed, mailbox ? std::nullopt : std::optional(ErrorCode::not_found), "file several"))
            return;
        for (ModelMessage& message : made)
            mailbox->messages[mailbox->uid_next++] = std::move(message);
    }
    void replace()
    {
        const std::string name = any_name();
        const ModelMailbox* source = model.usable(name);
        const Uid uid = 1 + roll(source ? source->uid_next : 3);
        const std::string text = message_text("m" + std::to_string(++serial), roll(300));
        Filing filing = filing_of(text, {{.name = "Drafts"}}, clock.now());
        filing.replaces = std::pair(id_of(name), uid);
        const bool there = source && source->messages.contains(uid);
        const auto filed = house.run(account->file(filing), roll(2));
        if (!went_well(filed, there ? std::nullopt : std::optional(ErrorCode::not_found), "replace"))
            return;
        model.mailboxes[name].messages.erase(uid);
        ModelMailbox& drafts = model.mailboxes[model.usable("Drafts") ? "Drafts" : "INBOX"];
        drafts.messages[drafts.uid_next++] = {filing.prefix + text, {}};
    }
    void store_flags()
    {
        const std::string name = any_name();
        const NumberSet uids = any_uids(name);
        const auto flags = any_flags();
        const auto change = static_cast<FlagChange>(roll(3));
        const auto stored = house.run(account->store_flags(id_of(name), {uids, change, flags, {}}), roll(2));
        ModelMailbox* mailbox = model.usable(name);
        if (!went_well(stored, mailbox ? std::nullopt : std::optional(ErrorCode::not_found), "store"))
            return;
        for (auto& [uid, message] : mailbox->messages) {
            if (!uids.contains(uid))
                continue;
            if (change == FlagChange::replace)
                message.flags.clear();
            for (const std::string& flag : flags)
                change == FlagChange::remove ? (void)message.flags.erase(flag) : (void)message.flags.insert(flag);
        }
    }
    void copy_or_move(bool move)
    {
        const std::string from = any_name();
        const std::string to = any_name();
        const NumberSet uids = any_uids(from);
        const auto done = move ? house.run(account->move(id_of(from), uids, id_of(to)), roll(2))
                               : house.run(account->copy(id_of(from), uids, id_of(to)), roll(2));
        ModelMailbox* source = model.usable(from);
        ModelMailbox* target = model.usable(to);
        const bool there = source && target;
        if (!went_well(done, there ? std::nullopt : std::optional(ErrorCode::not_found), move ? "move" : "copy"))
            return;
        std::map<Uid, ModelMessage> taken;
        for (const auto& [uid, message] : source->messages)
            if (uids.contains(uid))
                taken.emplace(uid, message);
        std::vector<Uid> to_uids;
        for (const auto& [uid, message] : taken) {
            if (move)
                source->messages.erase(uid);
            to_uids.push_back(target->uid_next);
            target->messages[target->uid_next++] = message;
        }
        EXPECT_EQ(done->to, to_uids);
        EXPECT_EQ(done->from.count(), taken.size());
    }
    void expunge()
    {
        const std::string name = any_name();
        std::optional<NumberSet> uids;
        if (roll(2) == 0)
            uids = any_uids(name);
        const auto which = roll(4) == 0 ? Account::Which::all : Account::Which::marked_deleted;
        const auto expunged = house.run(account->expunge(id_of(name), uids, which), roll(2));
        ModelMailbox* mailbox = model.usable(name);
        if (!went_well(expunged, mailbox ? std::nullopt : std::optional(ErrorCode::not_found), "expunge"))
            return;
        NumberSet gone;
        std::erase_if(mailbox->messages, [&](const auto& message) {
            const bool goes = (!uids || uids->contains(message.first)) &&
                (which == Account::Which::all || message.second.flags.contains("\\Deleted"));
            if (goes)
                gone.add(message.first);
            return goes;
        });
        EXPECT_EQ(expunged->uids, gone);
    }
    void create()
    {
        const std::string name = any_name();
        const auto created = house.run(account->create(name, SpecialUse::none));
        const bool there = model.usable(name);
        if (!went_well(created, there ? std::optional(ErrorCode::already_exists) : std::nullopt, "create " + name))
            return;
        model.make_parents(name);
        model.mailboxes[name] = {};
    }
    void remove()
    {
        const std::string name = any_name();
        const auto removed = house.run(account->remove(name));
        const auto found = model.mailboxes.find(name);
        std::optional<ErrorCode> expected;
        if (found == model.mailboxes.end())
            expected = ErrorCode::not_found;
        else if (name == "INBOX" || (!found->second.selectable && model.has_children(name)))
            expected = ErrorCode::not_permitted;
        if (!went_well(removed, expected, "remove " + name))
            return;
        if (model.has_children(name))
            found->second = {.selectable = false};
        else
            model.mailboxes.erase(found);
    }
    void rename()
    {
        const std::string from = any_name();
        const std::string to = any_name();
        const auto renamed = house.run(account->rename(from, to));
        std::optional<ErrorCode> expected;
        if (!model.mailboxes.contains(from))
            expected = ErrorCode::not_found;
        else if (model.mailboxes.contains(to))
            expected = ErrorCode::already_exists;
        else if (from != "INBOX" && to.starts_with(from + "/"))
            expected = ErrorCode::malformed;
        if (!went_well(renamed, expected, "rename " + from + " to " + to))
            return;
        model.make_parents(to);
        if (from == "INBOX") {
            ModelMailbox& inbox = model.mailboxes["INBOX"];
            ModelMailbox moved = inbox;
            inbox.messages.clear();
            model.mailboxes[to] = std::move(moved);
            return;
        }
        std::map<std::string, ModelMailbox> moved;
        for (const auto& [name, mailbox] : model.mailboxes)
            if (name == from || name.starts_with(from + "/"))
                moved[name] = mailbox;
        for (const auto& [name, mailbox] : moved) {
            model.mailboxes.erase(name);
            model.mailboxes[to + name.substr(from.size())] = mailbox;
        }
    }
    void subscribe()
    {
        const std::string name = any_name();
        const bool on = roll(2) == 0;
        if (went_well(house.run(account->subscribe(name, on)), {}, "subscribe"))
            on ? (void)model.subscribed.insert(name) : (void)model.subscribed.erase(name);
    }
    // The head changes under the owner, as by another node that had taken the account over.
    void meddle()
    {
        const store::Partition partition = partition_of(account_id);
        const auto value = house.run(engine.get(partition, head_key(), Deadline::never())).value();
        HeadRow head = read_head(*value).value();
        head.modseq += 3;
        store::Batch batch{.partition = partition, .id = house.ids.next()};
        batch.checks.push_back({head_key(), *value});
        batch.puts.push_back({head_key(), write_head(head)});
        house.run(engine.commit(std::move(batch), Deadline::never()));
    }
    void disturb()
    {
        switch (roll(6)) {
        case 0:
            if (!armed) {
                engine.fail_commit(1, store::Outcome::unavailable);
                armed = true;
            }
            break;
        case 1: engine.fail_commit(1, store::Outcome::unknown, store::Landed::yes); break;
        case 2: engine.fail_commit(1, store::Outcome::unknown, store::Landed::no); break;
        case 3: engine.fail_commit(1, store::Outcome::conflict); break;
        case 4: meddle(); break;
        case 5: restart(); break;
        }
    }
    void restart()
    {
        account = nullptr;
        house.reopen();
        if (roll(2) == 0)
            engine.crash();
        for (auto opened = house.run(house.mailboxes->open(account_id, account_id));;
             opened = house.run(house.mailboxes->open(account_id, account_id))) {
            if (opened) {
                account = *opened;
                return;
            }
            // The failing commit that was prepared met the opening.
            ASSERT_TRUE(armed && opened.error() == ErrorCode::unavailable) << opened.error().text;
            armed = false;
        }
    }

    void expect_same()
    {
        const auto tree = house.run(account->tree());
        ASSERT_TRUE(tree.has_value()) << tree.error().text;
        EXPECT_GE((*tree)->modseq, last_modseq) << "the modseq went back";
        last_modseq = (*tree)->modseq;
        std::vector<std::string> names;
        for (const Mailbox& mailbox : (*tree)->mailboxes) {
            names.push_back(mailbox.name);
            ASSERT_TRUE(model.mailboxes.contains(mailbox.name)) << mailbox.name;
            expect_same(mailbox, model.mailboxes[mailbox.name]);
        }
        EXPECT_EQ(names.size(), model.mailboxes.size());
        for (const std::string& name : (*tree)->subscribed_gone)
            EXPECT_TRUE(model.subscribed.contains(name) && !model.mailboxes.contains(name)) << name;
    }
    void expect_same(const Mailbox& mailbox, const ModelMailbox& expected)
    {
        SCOPED_TRACE(mailbox.name);
        EXPECT_EQ(mailbox.selectable, expected.selectable);
        EXPECT_EQ(mailbox.subscribed, model.subscribed.contains(mailbox.name));
        const auto [known, is_new] = validity_of.try_emplace(mailbox.id, mailbox.uid_validity);
        EXPECT_EQ(known->second, mailbox.uid_validity) << "a mailbox keeps its UIDVALIDITY";
        if (is_new)
            EXPECT_TRUE(validities.insert(mailbox.uid_validity).second) << "UIDVALIDITY given out twice";
        if (!expected.selectable)
            return;
        EXPECT_EQ(mailbox.uid_next, expected.uid_next);
        const auto snapshot = house.run(account->snapshot(mailbox.id));
        ASSERT_TRUE(snapshot.has_value()) << snapshot.error().text;
        ASSERT_EQ((*snapshot)->size(), expected.messages.size());
        Snapshot counted = **snapshot;
        counted.count();
        EXPECT_EQ(mailbox.messages, counted.size());
        EXPECT_EQ(mailbox.unseen, counted.unseen);
        EXPECT_EQ(mailbox.deleted, counted.deleted);
        EXPECT_EQ(mailbox.size, counted.total_size);
        EXPECT_EQ((*snapshot)->first_position, counted.first_position);
        std::uint32_t position = 0;
        for (const auto& [uid, message] : expected.messages) {
            const Entry& entry = (*snapshot)->at(position++);
            ASSERT_EQ(entry.uid, uid);
            EXPECT_LE(entry.modseq, (*snapshot)->highest_modseq);
            const auto flags = flag_names(entry.flags, *(*snapshot)->keywords);
            EXPECT_EQ(std::set<std::string>(flags.begin(), flags.end()), message.flags) << uid;
            EXPECT_EQ(entry.size, message.text.size());
            if (roll(20) == 0) {
                const auto email = house.run(account->email(entry.email));
                ASSERT_TRUE(email.has_value()) << email.error().text;
                EXPECT_EQ(house.run(account->read_all(*email)).value_or("?"), message.text);
            }
        }
    }
    void expect_sound()
    {
        const auto report = house.run(house.mailboxes->audit(account_id, AuditDepth::contents));
        ASSERT_TRUE(report.has_value()) << report.error().text;
        for (const std::string& text : report->texts)
            ADD_FAILURE() << text;
    }

    std::mt19937 dice{GetParam()};
    SetClock clock;
    store::MemoryStore engine{clock};
    House house{engine, clock};
    AccountPtr account = house.open(account_id);
    Model model;
    bool armed = false;  // a commit will fail, and the change with it
    unsigned serial = 0;
    ModSeq last_modseq = 0;
    std::map<MailboxId, UidValidity> validity_of;
    std::set<UidValidity> validities;
};

TEST_P(ModelTest, RandomChanges)
{
    for (int step = 0; step < 400; ++step) {
        if (GetParam() % 2 == 1 && roll(8) == 0)
            disturb();
        switch (roll(16)) {
        case 0:
        case 1:
        case 2:
        case 3: file(); break;
        case 4: roll(2) == 0 ? file_several() : replace(); break;
        case 5:
        case 6: store_flags(); break;
        case 7: copy_or_move(false); break;
        case 8:
        case 9: copy_or_move(true); break;
        case 10: expunge(); break;
        case 11: create(); break;
        case 12: remove(); break;
        case 13: rename(); break;
        case 14: subscribe(); break;
        case 15:
            clock.advance(std::chrono::hours(roll(60)));
            if (armed)
                break;
            EXPECT_TRUE(house.run(house.mailboxes->sweep()).has_value());
            break;
        }
        expect_same();
        if (HasFatalFailure() || HasNonfatalFailure()) {
            ADD_FAILURE() << "at step " << step << " of seed " << GetParam();
            return;
        }
    }
    expect_sound();
    restart();
    expect_same();
    expect_sound();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(1u, 1 + seeds(16)));

}  // namespace posthouse::mailbox
