// One account's full-text index: segments (search/segment.h) in a partition of their own.
//
// Derived data. It is never in a delivery's commit; what it does not know yet is read by who searches, and indexed
// afterwards; rows that are missing or do not fit make it start anew. Which e-mails it knows is written in it, so that
// nothing depends on the order in which they came.
//
// On disk (docs/store-layout.md, "Search"): rows of segments are written first, then the catalogue that names them.
//
// Threads: any; one catch_up() at a time works. Lifetime: shared; it ends its work when the mailboxes stop.
#pragma once

#include "mailbox/owner.h"
#include "search/segment.h"

namespace posthouse::mailbox {

class TextIndex final : public std::enable_shared_from_this<TextIndex> {
public:
    TextIndex(AccountId account, const MailboxServices& services, std::shared_ptr<Activity> activity, Loop& loop) :
        account_(account),
        services_(services),
        activity_(std::move(activity)),
        loop_(loop),
        used_(services.clock.steady())
    {
    }

    // One answer a query, for all positions of the snapshot.
    Task<Result<std::vector<TextAnswer>>> look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries);
    // Indexes those that it does not know; on the index's own loop, a message at a time.
    // At most `most` of them, in order of their ids. Answers how many of those asked for it knows then; while somebody
    // else is at it, it only counts.
    struct State {
        std::uint64_t known = 0;
        std::uint64_t asked = 0;
    };
    Task<Result<State>> catch_up(std::vector<EmailId> emails, std::size_t most);
    Task<Result<void>> erase();
    // Its terms go out of memory when nobody has searched since `time`.
    void forget(SteadyTime time);

private:
    using SegmentPtr = std::shared_ptr<const search::Segment>;
    struct Catalogue {
        std::string value;  // the row; empty: there is none
        std::vector<SegmentPtr> segments;
        bool knows(EmailId email) const;
    };
    using CataloguePtr = std::shared_ptr<const Catalogue>;
    struct Place {
        std::uint32_t segment = 0;
        search::Document document = 0;
    };
    class Lookup;

    Task<Result<CataloguePtr>> load();
    Task<Result<Catalogue>> read();
    Task<Result<SegmentPtr>> read_segment(Id id, std::uint64_t chunks);
    Task<Result<std::string>> postings(Id segment, std::size_t chunk);
    void publish(CataloguePtr catalogue);
    void catch_up_later(std::vector<EmailId> emails);
    static Task<void> catch_up_alone(std::shared_ptr<TextIndex> self, std::vector<EmailId> emails);

    Task<Result<std::uint64_t>> index(std::vector<EmailId> unknown);
    Task<Result<void>> sweep_unlisted(CataloguePtr catalogue);
    Task<Result<Id>> write_segment(search::PackedSegment segment);
    Task<Result<void>> write_chunks(Id segment, std::size_t first, std::vector<search::PackedChunk> chunks);
    Task<Result<void>> write_emails(Id segment, std::vector<Id> emails, std::vector<search::Document> opaque);
    // Commits a catalogue with `added` and without `removed`, whose rows go with the same commit.
    Task<Result<void>> list(std::optional<std::pair<Id, std::uint64_t>> added, std::vector<Id> removed);
    Task<Result<void>> merge_where_due();
    Task<Result<void>> merge(std::vector<SegmentPtr> segments);
    Task<Result<std::vector<bool>>> gone(SegmentPtr segment);
    Task<Result<void>> commit(store::Batch batch);
    Task<Result<void>> give_turn();

    Deadline deadline() const;

    const AccountId account_;
    const MailboxServices services_;
    const std::shared_ptr<Activity> activity_;
    Loop& loop_;
    std::atomic<bool> busy_ = false;
    std::atomic<bool> waiting_ = false;  // somebody's search has its head start
    SteadyTime turn_began_;  // of who is busy
    std::mutex mutex_;
    CataloguePtr catalogue_;  // by mutex_; null: not in memory
    SteadyTime used_;  // by mutex_
};

}  // namespace posthouse::mailbox
