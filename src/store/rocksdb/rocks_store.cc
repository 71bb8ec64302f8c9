#include "store/rocksdb/rocks_store.h"

#include "store/rocksdb/backup.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/engine.h"
#include "store/rocksdb/keeper.h"
#include "store/rocksdb/maintenance.h"
#include "store/rocksdb/packing.h"
#include "store/rocksdb/reads.h"
#include "store/rocksdb/waiting_reads.h"

namespace posthouse::store {

namespace {

// How long a read waits for an instance while one is being exchanged.
constexpr auto exchange_pause = 20ms;
constexpr int exchange_pauses = 150;

constexpr int most_repairs = 4;  // in one read

}  // namespace

struct RocksStore::Parts {
    Parts(std::unique_ptr<Engine> opened, const Clock& clock, Workers& workers, Log& log) :
        engine(std::move(opened)),
        salvaged(engine->salvaged()),
        clock(clock),
        workers(workers),
        reads(std::make_shared<WaitingReads>(clock)),
        committer(std::make_unique<Committer>(*engine, clock)),
        maintenance(std::make_unique<Maintenance>(*engine, packer, log)),
        keeper(std::make_unique<Keeper>(*engine, *committer, *reads, *maintenance))
    {
        committer->start([this] { keeper->wake(); });
        engine->on_trouble([this] { keeper->wake(); });
        if (engine->health() != Health::good)
            keeper->wake();
    }

    // A page is cut again where unpacking made it longer than a page may be.
    Result<void> unpack(Page& page, const Limits& limits)
    {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < page.rows.size(); ++i) {
            Row& row = page.rows[i];
            Result<Value> value = packer.unpack(row.value, limits.value_bytes);
            if (!value)
                return fail(value.error());
            row.value = *std::move(value);
            bytes += row.key.size() + row.value.size();
            if (i > 0 && bytes > limits.page_bytes) {
                page.rows.resize(i);
                page.more = true;
                break;
            }
        }
        return {};
    }

    std::unique_ptr<Engine> engine;
    SalvageReport salvaged;
    const Clock& clock;
    Workers& workers;
    const std::shared_ptr<Packer> shared_packer = std::make_shared<Packer>();  // as reads
    Packer& packer = *shared_packer;
    std::shared_ptr<WaitingReads> reads;  // shared with reads that outlive the store
    std::unique_ptr<Committer> committer;
    std::unique_ptr<Maintenance> maintenance;
    std::unique_ptr<Keeper> keeper;
};

namespace {

// By the workers. Whichever comes first, the worker or the deadline, gives the answer.
template <class T, class Read>
Promise<Result<T>> read_from_disk(Engine& engine, Workers& workers, std::shared_ptr<WaitingReads> waiting,
                                  Keeper& keeper, Deadline deadline, std::shared_ptr<Instance> instance, Read read)
{
    struct Race {
        Promise<Result<T>> promise;
        std::atomic<bool> decided{false};
        void decide(Result<T> answer)
        {
            if (!decided.exchange(true))
                promise.fulfil(std::move(answer));
        }
    };
    const auto race = std::make_shared<Race>();
    const std::uint64_t ticket =
        waiting->add(deadline, [race] { race->decide(fail(ErrorCode::timeout, "the disk did not answer in time")); });
    keeper.wake();
    auto job = [race, &engine, waiting, ticket, instance = std::move(instance), read = std::move(read)]() mutable {
        try {
            T value{};
            rocksdb::Status status = read(*instance, Reach::disk, value);
            // What one flipped bit damaged is put right; a page may meet several.
            for (int repairs = 0; repairs < most_repairs && status.IsCorruption() && engine.mend(status); ++repairs) {
                value = T{};
                status = read(*instance, Reach::disk, value);
            }
            instance.reset();
            waiting->remove(ticket);
            race->decide(status.ok() ? Result<T>(std::move(value)) : fail(to_error(status, "cannot read")));
        } catch (const std::exception& bug) {
            instance.reset();
            waiting->remove(ticket);
            race->decide(fail(ErrorCode::unavailable, bug.what()));
        }
    };
    const bool taken = workers.enqueue(std::move(job));
    if (!taken) {
        waiting->remove(ticket);
        race->decide(fail(ErrorCode::unavailable, "too many reads wait for the disk"));
    }
    return race->promise;
}

// One read: first from memory on the caller's thread, then by the workers. `read` is called with the
// instance, the reach and the place for its answer, at most twice.
template <class T, class Read>
Task<Result<T>> read_by(Engine& engine, Workers& workers, std::shared_ptr<WaitingReads> waiting, Keeper& keeper,
                        const Clock& clock, Reach first, Deadline deadline, Read read)
{
    if (deadline.passed(clock))
        co_return fail(ErrorCode::timeout, "the deadline passed before the read began");
    std::shared_ptr<Instance> instance = engine.to_read();
    for (int pauses = 0; !instance && pauses < exchange_pauses && !deadline.passed(clock); ++pauses) {
        co_await sleep_for(exchange_pause);
        instance = engine.to_read();
    }
    if (!instance)
        co_return fail(ErrorCode::unavailable, "the store is being opened anew");
    if (first == Reach::memory) {
        T value{};
        const rocksdb::Status status = read(*instance, Reach::memory, value);
        if (status.ok())
            co_return std::move(value);
        if (!status.IsIncomplete() && !status.IsCorruption())
            co_return fail(to_error(status, "cannot read"));
    }
    const Promise<Result<T>> reading =
        read_from_disk<T>(engine, workers, waiting, keeper, deadline, std::move(instance), std::move(read));
    Result<T> answer = co_await reading.get();
    co_return answer;
}

}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::open(RocksOptions options, const Clock& clock, Workers& workers,
                                                     Log& log)
{
    Result<std::unique_ptr<Engine>> engine = Engine::open(std::move(options), log);
    if (!engine)
        return fail(engine.error());
    return std::unique_ptr<RocksStore>(
        new RocksStore(std::make_unique<Parts>(*std::move(engine), clock, workers, log)));
}

RocksStore::RocksStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) { }

RocksStore::~RocksStore() { close(); }

void RocksStore::close()
{
    if (!parts_->engine)
        return;
    parts_->committer->stop();
    parts_->keeper->stop();
    parts_->maintenance->stop();
    parts_->engine->on_trouble({});
    parts_->engine.reset();
}

Task<Outcome> RocksStore::commit(Batch batch, Deadline deadline)
{
    if (judge(batch, limits()) != Outcome::ok)
        co_return Outcome::too_large;
    if (deadline.passed(parts_->clock))
        co_return Outcome::unavailable;
    for (Put& put : batch.puts)
        if (put.space == Space::bodies)
            put.value = parts_->packer.pack(put.value);
    const Outcome outcome = co_await parts_->committer->commit(std::move(batch), deadline);
    co_return outcome;
}

Task<Outcome> RocksStore::resolve(Batch batch, Deadline deadline)
{
    if (deadline.passed(parts_->clock))
        co_return Outcome::unavailable;
    const Outcome outcome = co_await parts_->committer->resolve(std::move(batch), deadline);
    co_return outcome;
}

Task<Result<std::optional<Value>>> RocksStore::get(Partition partition, Key key, Deadline deadline, Space space)
{
    if (const auto judged = judge(key, limits()); !judged)
        co_return fail(judged.error());
    auto value = co_await read_by<std::optional<Value>>(
        *parts_->engine, parts_->workers, parts_->reads, *parts_->keeper, parts_->clock, Reach::memory, deadline,
        [partition, key = std::move(key), space](Instance& instance, Reach reach, std::optional<Value>& value) {
            return read_value(instance, reach, partition, key, space, value);
        });
    if (space == Space::bodies && value && *value) {
        Result<Value> unpacked = parts_->packer.unpack(**value, limits().value_bytes);
        if (!unpacked)
            co_return fail(unpacked.error());
        **value = *std::move(unpacked);
    }
    co_return value;
}

Promise<Result<Store::Values>> RocksStore::read_ahead(Partition partition, std::vector<Key> keys, Deadline deadline,
                                                      Space space)
{
    const auto refused = [](Error error) {
        const Promise<Result<Values>> answer;
        answer.fulfil(fail(std::move(error)));
        return answer;
    };
    for (const Key& key : keys)
        if (const auto judged = judge(key, limits()); !judged)
            return refused(judged.error());
    std::shared_ptr<Instance> instance = parts_->engine->to_read();
    if (!instance)
        return refused({ErrorCode::unavailable, "the store is being opened anew"});
    const std::shared_ptr<Packer> packer = space == Space::bodies ? parts_->shared_packer : nullptr;
    return read_from_disk<Values>(*parts_->engine, parts_->workers, parts_->reads, *parts_->keeper, deadline,
                                  std::move(instance),
                                  [partition, keys = std::move(keys), space, packer,
                                   most = limits().value_bytes](Instance& instance, Reach, Values& values) {
                                      values.resize(keys.size());
                                      const auto take = [&](std::size_t place, std::string_view stored) {
                                          if (!packer) {
                                              values[place].emplace(stored);
                                              return rocksdb::Status::OK();
                                          }
                                          Result<Value> unpacked = packer->unpack(stored, most);
                                          if (!unpacked)
                                              return rocksdb::Status::Aborted(unpacked.error().text);
                                          values[place] = *std::move(unpacked);
                                          return rocksdb::Status::OK();
                                      };
                                      return read_values(instance, partition, keys, space, take);
                                  });
}

Task<Result<Page>> RocksStore::scan(Partition partition, Range range, std::size_t most_rows, Deadline deadline,
                                    Space space)
{
    const std::size_t most = std::clamp<std::size_t>(most_rows, 1, limits().page_rows);
    auto page = co_await read_by<Page>(
        *parts_->engine, parts_->workers, parts_->reads, *parts_->keeper, parts_->clock, Reach::memory, deadline,
        [partition, range = std::move(range), space, most, bytes = limits().page_bytes](Instance& instance, Reach reach,
                                                                                        Page& page) {
            return read_page(instance, reach, partition, range, space, most, bytes, page);
        });
    if (space == Space::bodies && page)
        if (const Result<void> unpacked = parts_->unpack(*page, limits()); !unpacked)
            co_return fail(unpacked.error());
    co_return page;
}

Task<Result<std::optional<Row>>> RocksStore::last(Partition partition, Range range, Deadline deadline)
{
    auto row = co_await read_by<std::optional<Row>>(
        *parts_->engine, parts_->workers, parts_->reads, *parts_->keeper, parts_->clock, Reach::memory, deadline,
        [partition, range = std::move(range)](Instance& instance, Reach reach, std::optional<Row>& row) {
            return read_last(instance, reach, partition, range, row);
        });
    co_return row;
}

Task<Result<std::vector<Partition>>> RocksStore::partitions(PartitionKind kind, std::uint64_t from, Deadline deadline)
{
    constexpr std::size_t most = 1000;
    auto all = co_await read_by<std::vector<Partition>>(
        *parts_->engine, parts_->workers, parts_->reads, *parts_->keeper, parts_->clock, Reach::disk, deadline,
        [kind, from](Instance& instance, Reach, std::vector<Partition>& partitions) {
            return read_partitions(instance, kind, from, most, partitions);
        });
    co_return all;
}

Health RocksStore::health() const { return parts_->engine->health(); }

const SalvageReport& RocksStore::salvaged() const { return parts_->salvaged; }

Result<BackupReport> RocksStore::back_up(const std::string& folder) { return parts_->maintenance->back_up(folder); }

Result<VerifyReport> RocksStore::verify() { return parts_->maintenance->verify(); }

void RocksStore::collect_garbage_soon() { parts_->maintenance->collect_garbage_soon(true); }

CommitFigures RocksStore::figures() const { return parts_->committer->figures(); }

}  // namespace posthouse::store
