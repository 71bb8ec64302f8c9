#include "store/blobs.h"

#include "base/codec.h"
#include "store/key.h"

namespace posthouse::store {

namespace {

constexpr std::size_t chunks_per_commit = 4;
constexpr int most_attempts = 50;  // of a commit that meets rivals at the state row

// Tables inside a blob's partition.
constexpr std::uint8_t state_table = 1;
constexpr std::uint8_t reference_table = 2;
constexpr std::uint8_t chunk_table = 1;  // in Space::bodies
constexpr std::uint8_t state_version = 1;

struct State {
    bool finished = false;
    std::uint64_t chunks = 0;
    std::uint64_t size = 0;
    std::uint64_t references = 0;
};

Value encode(const State& state)
{
    return Writer()
        .u8(state_version)
        .u8(state.finished ? 1 : 0)
        .varint(state.chunks)
        .varint(state.size)
        .varint(state.references)
        .take();
}

Result<State> decode(std::string_view row)
{
    Reader reader(row);
    State state;
    const std::uint8_t version = reader.u8();
    state.finished = reader.u8() != 0;
    state.chunks = reader.varint();
    state.size = reader.varint();
    state.references = reader.varint();
    if (!reader.ok() || version == 0)
        return fail(ErrorCode::corrupt, "a blob's state row cannot be read");
    return state;
}

Partition home(BlobId id) { return {PartitionKind::blobs, id}; }
Key state_key() { return KeyBuilder(state_table).key(); }
Key chunk_key(std::uint64_t number) { return KeyBuilder(chunk_table).u32(static_cast<std::uint32_t>(number)).key(); }
Key reference_key(Partition holder)
{
    return KeyBuilder(reference_table).u8(static_cast<std::uint8_t>(holder.kind)).u64(holder.id).key();
}

class StoreBlobWriter final : public BlobWriter {
public:
    StoreBlobWriter(Store& store, IdSource& ids) : store_(store), ids_(ids), id_(ids.next()) { }

    Task<Result<void>> append(std::string piece, Deadline deadline) override
    {
        if (broken_)
            co_return fail(ErrorCode::unavailable, "an earlier write of this blob failed");
        while (!piece.empty()) {
            const std::size_t room = chunks_per_commit * blob_chunk_bytes - waiting_.size();
            waiting_.append(piece, 0, room);
            piece.erase(0, room);
            if (waiting_.size() < chunks_per_commit * blob_chunk_bytes)
                break;
            const Result<void> written = co_await write(false, deadline);
            if (!written)
                co_return written;
        }
        co_return Result<void>{};
    }

    Task<Result<BlobInfo>> finish(Deadline deadline) override
    {
        if (broken_)
            co_return fail(ErrorCode::unavailable, "an earlier write of this blob failed");
        const Result<void> written = co_await write(true, deadline);
        if (!written)
            co_return fail(written.error());
        broken_ = true;  // nothing can be added any more
        co_return BlobInfo{id_, state_.size};
    }

private:
    Task<Result<void>> write(bool last, Deadline deadline)
    {
        Batch batch{.partition = home(id_), .id = ids_.next()};
        const bool begun = state_.chunks > 0;
        batch.checks.push_back({state_key(), begun ? std::optional(encode(state_)) : std::nullopt});
        for (std::size_t at = 0; at < waiting_.size(); at += blob_chunk_bytes)
            batch.puts.push_back({chunk_key(state_.chunks++), waiting_.substr(at, blob_chunk_bytes), Space::bodies});
        state_.size += waiting_.size();
        state_.finished = last;
        waiting_.clear();
        batch.puts.push_back({state_key(), encode(state_)});
        batch.durability = last ? Durability::synced : Durability::lazy;
        const Outcome outcome = co_await commit_surely(store_, std::move(batch), deadline);
        if (outcome == Outcome::ok)
            co_return Result<void>{};
        broken_ = true;
        // A conflict at a row that only this writer writes: the store took back what it had not synced.
        co_return fail(to_error(outcome == Outcome::conflict ? Outcome::unavailable : outcome));
    }

    Store& store_;
    IdSource& ids_;
    const BlobId id_;
    State state_;
    std::string waiting_;
    bool broken_ = false;
};

class StoreBlobs final : public Blobs {
public:
    StoreBlobs(Store& store, IdSource& ids) : store_(store), ids_(ids) { }

    std::unique_ptr<BlobWriter> create() override { return std::make_unique<StoreBlobWriter>(store_, ids_); }

    Task<Result<void>> read(BlobId id, std::uint64_t offset, std::uint64_t length, Sink sink,
                            Deadline deadline) override
    {
        const Result<State> state = co_await finished_state(id, deadline);
        if (!state)
            co_return fail(state.error());
        if (offset > state->size || length > state->size - offset)
            co_return fail(ErrorCode::too_large, "a read past the blob's end");
        const std::uint64_t end = offset + length;
        while (offset < end) {
            const std::uint64_t number = offset / blob_chunk_bytes;
            Result<std::optional<Value>> chunk =
                co_await store_.get(home(id), chunk_key(number), deadline, Space::bodies);
            if (!chunk)
                co_return fail(chunk.error());
            const std::uint64_t begin = number * blob_chunk_bytes;
            const std::uint64_t full = std::min<std::uint64_t>(blob_chunk_bytes, state->size - begin);
            if (!*chunk || (*chunk)->size() != full)
                co_return fail(ErrorCode::corrupt, "a chunk of a blob is missing or short");
            const std::uint64_t stop = std::min(end, begin + full);
            std::string piece = *std::move(*chunk);
            if (stop != begin + full || offset != begin)
                piece = piece.substr(offset - begin, stop - offset);
            offset = stop;
            const bool more = co_await sink(std::move(piece));
            if (!more)
                break;
        }
        co_return Result<void>{};
    }

    Task<Result<void>> add_reference(BlobId id, Partition holder, Deadline deadline) override
    {
        return change_references(id, holder, true, deadline);
    }
    Task<Result<void>> drop_reference(BlobId id, Partition holder, Deadline deadline) override
    {
        return change_references(id, holder, false, deadline);
    }

    Task<Result<std::size_t>> sweep(WallTime time, Deadline deadline) override
    {
        // Ids are time-ordered (base/ids.h): milliseconds, then 16 bits.
        const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
        const BlobId end = milliseconds <= 0 ? 0 : static_cast<BlobId>(milliseconds) << 16;
        std::size_t erased = 0;
        for (BlobId from = 0; from < end;) {
            const Result<std::vector<Partition>> found =
                co_await store_.partitions(PartitionKind::blobs, from, deadline);
            if (!found)
                co_return fail(found.error());
            if (found->empty())
                break;
            for (const Partition& partition : *found) {
                from = partition.id + 1;
                if (partition.id >= end)
                    co_return erased;
                const Result<bool> gone = co_await erase_if_unreferenced(partition, deadline);
                if (!gone && gone.error() != ErrorCode::corrupt)
                    co_return fail(gone.error());
                erased += gone && *gone ? 1 : 0;
            }
        }
        co_return erased;
    }

private:
    // The state row as it stands; nullopt: no such blob.
    Task<Result<std::optional<Value>>> state_row(BlobId id, Deadline deadline)
    {
        return store_.get(home(id), state_key(), deadline);
    }

    Task<Result<State>> finished_state(BlobId id, Deadline deadline)
    {
        const Result<std::optional<Value>> row = co_await state_row(id, deadline);
        if (!row)
            co_return fail(row.error());
        if (!*row)
            co_return fail(ErrorCode::not_found, "no such blob");
        Result<State> state = decode(**row);
        if (state && !state->finished)
            co_return fail(ErrorCode::not_found, "the blob was never finished");
        co_return state;
    }

    // The state row counts the references, so that every change of them meets every other, and the
    // sweeper, at one row.
    Task<Result<void>> change_references(BlobId id, Partition holder, bool add, Deadline deadline)
    {
        for (int attempt = 0; attempt < most_attempts; ++attempt) {
            const Result<std::optional<Value>> row = co_await state_row(id, deadline);
            if (!row)
                co_return fail(row.error());
            if (!*row && !add)
                co_return Result<void>{};
            if (!*row)
                co_return fail(ErrorCode::not_found, "no such blob");
            Result<State> state = decode(**row);
            if (!state)
                co_return fail(state.error());
            if (!state->finished)
                co_return fail(ErrorCode::not_found, "the blob was never finished");
            const Key key = reference_key(holder);
            const Result<std::optional<Value>> reference = co_await store_.get(home(id), key, deadline);
            if (!reference)
                co_return fail(reference.error());
            if (reference->has_value() == add)
                co_return Result<void>{};
            Batch batch{.partition = home(id), .id = ids_.next()};
            batch.checks.push_back({state_key(), **row});
            batch.purpose = Purpose::upkeep;  // next to nothing; what it is for is refused or not by itself
            if (add)
                batch.puts.push_back({key, Writer().u8(1).take()});
            else
                batch.erases.push_back({key});
            state->references += add ? 1 : -1;
            batch.puts.push_back({state_key(), encode(*state)});
            const Outcome outcome = co_await commit_surely(store_, std::move(batch), deadline);
            if (outcome == Outcome::ok)
                co_return Result<void>{};
            if (outcome != Outcome::conflict)
                co_return fail(to_error(outcome));
        }
        co_return fail(ErrorCode::conflict, "too many others change this blob's references");
    }

    Task<Result<bool>> erase_if_unreferenced(Partition partition, Deadline deadline)
    {
        const Result<std::optional<Value>> row = co_await state_row(partition.id, deadline);
        if (!row)
            co_return fail(row.error());
        if (*row) {
            const Result<State> state = decode(**row);
            if (!state)
                co_return fail(state.error());
            if (state->references > 0)
                co_return false;
        }
        Batch batch{.partition = partition, .id = ids_.next()};
        batch.checks.push_back({state_key(), *row});
        batch.erase_ranges = {{{}, {}, Space::rows}, {{}, {}, Space::bodies}};
        batch.purpose = Purpose::upkeep;
        const Outcome outcome = co_await commit_surely(store_, std::move(batch), deadline);
        if (outcome != Outcome::ok && outcome != Outcome::conflict)
            co_return fail(to_error(outcome));
        co_return outcome == Outcome::ok;
    }

    Store& store_;
    IdSource& ids_;
};

}  // namespace

std::unique_ptr<Blobs> make_blobs(Store& store, IdSource& ids) { return std::make_unique<StoreBlobs>(store, ids); }

}  // namespace posthouse::store
