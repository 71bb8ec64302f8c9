#include "store/rocksdb/verify.h"

#include "base/text.h"
#include "store/rocksdb/instance.h"
#include "store/rocksdb/layout.h"

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/metadata.h>

namespace posthouse::store {

namespace {

constexpr std::size_t most_damaged = 1000;
constexpr std::size_t most_faults = 2000;

void note_fault(VerifyReport& report, std::string text)
{
    if (report.faults.size() < most_faults)
        report.faults.push_back(std::move(text));
}

std::string_view name_of(PartitionKind kind)
{
    switch (kind) {
    case PartitionKind::account: return "account";
    case PartitionKind::queue: return "queue";
    case PartitionKind::directory: return "directory";
    case PartitionKind::journey: return "journey";
    case PartitionKind::blobs: return "blob";
    case PartitionKind::system: return "system";
    case PartitionKind::search: return "search";
    }
    return "partition of an unknown kind";
}

rocksdb::ReadOptions reading_all()
{
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    options.readahead_size = 1 << 20;
    return options;
}

constexpr int most_repairs = 1000;  // of one table, of one partition

bool mend(const rocksdb::Status& damage, const VerifyHelp& help, VerifyReport& report)
{
    if (!damage.IsCorruption() || !help.mend(damage.ToString()))
        return false;
    ++report.mended;
    return true;
}

void verify_tables(Instance& instance, const std::atomic<bool>& stop, const VerifyHelp& help, VerifyReport& report)
{
    std::vector<rocksdb::LiveFileMetaData> files;
    instance.db().GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
        if (stop)
            return;
        ++report.files;
        const rocksdb::Options options =
            instance.db().GetOptions(file.column_family_name == "rows"         ? instance.rows()
                                         : file.column_family_name == "bodies" ? instance.bodies()
                                                                               : instance.db().DefaultColumnFamily());
        const std::string path = file.db_path + file.name;
        rocksdb::Status status;
        for (int repairs = 0; repairs < most_repairs; ++repairs) {
            status = rocksdb::VerifySstFileChecksum(options, rocksdb::EnvOptions(options), reading_all(), path);
            if (!mend(status, help, report))
                break;
        }
        if (!status.ok())
            note_fault(report, path + ": " + status.ToString());
    }
}

// Walks over one partition. Where a row cannot be read the walk begins again from the other end: what
// lies between the two is damaged.
class Walk {
public:
    Walk(Instance& instance, Partition partition, Space space, VerifyReport& report, const VerifyHelp& help) :
        instance_(instance),
        partition_(partition),
        space_(space),
        report_(report),
        help_(help),
        range_(stored_range(partition, {})),
        lower_(range_.from),
        upper_(range_.until)
    {
    }

    void run()
    {
        rocksdb::Status status = forward();
        for (int repairs = 0; repairs < most_repairs && mend(status, help_, report_); ++repairs)
            status = forward();
        if (!status.ok())
            note_damage(last_, first_from_the_end(), status.ToString());
    }

private:
    std::unique_ptr<rocksdb::Iterator> iterator()
    {
        rocksdb::ReadOptions options = reading_all();
        options.iterate_lower_bound = &lower_;
        options.iterate_upper_bound = &upper_;
        return std::unique_ptr<rocksdb::Iterator>(instance_.db().NewIterator(options, instance_.family(space_)));
    }
    // Goes on behind the last row that was read.
    rocksdb::Status forward()
    {
        const auto rows = iterator();
        if (last_)
            rows->Seek(stored_key(partition_, *last_ + '\0'));
        else
            rows->SeekToFirst();
        for (; rows->Valid(); rows->Next()) {
            last_ = key_of(*rows);
            note_good(*rows, *last_);
        }
        return rows->status();
    }
    std::optional<Key> first_from_the_end()
    {
        const auto rows = iterator();
        std::optional<Key> first;
        for (rows->SeekToLast(); rows->Valid(); rows->Prev()) {
            Key key = key_of(*rows);
            if (last_ && key <= *last_)
                break;
            note_good(*rows, key);
            first = std::move(key);
        }
        return first;
    }
    static Key key_of(const rocksdb::Iterator& iterator) { return iterator.key().ToString().substr(prefix_bytes); }
    void note_good(const rocksdb::Iterator& iterator, const Key& key)
    {
        const rocksdb::Slice value = iterator.value();
        report_.bytes += iterator.key().size() + value.size();
        ++(space_ == Space::rows ? report_.rows : report_.bodies);
        if (space_ == Space::bodies && !help_.check_body({value.data(), value.size()}))
            note_damage(key, key, "a packed value cannot be unpacked");
    }
    void note_damage(std::optional<Key> after, std::optional<Key> before, std::string error)
    {
        note_fault(report_,
                   fmt::format("{} {}: {} behind {} cannot be read: {}", name_of(partition_.kind), partition_.id,
                               space_ == Space::rows ? "rows" : "bodies", after ? hex_encode(*after) : "the beginning",
                               error));
        if (report_.damaged.size() < most_damaged)
            report_.damaged.push_back({partition_, space_, std::move(after), std::move(before), std::move(error)});
    }

    Instance& instance_;
    Partition partition_;
    Space space_;
    VerifyReport& report_;
    const VerifyHelp& help_;
    std::optional<Key> last_;  // that was read
    Range range_;
    rocksdb::Slice lower_;
    rocksdb::Slice upper_;
};

// Every partition that has a head, in order. A head that cannot be read is damage of its own.
std::vector<Partition> all_partitions(Instance& instance, VerifyReport& report)
{
    const std::string from = "\xff\xff";
    std::vector<Partition> all;
    const std::unique_ptr<rocksdb::Iterator> iterator(instance.db().NewIterator(reading_all(), instance.rows()));
    for (iterator->Seek(from); iterator->Valid(); iterator->Next()) {
        const rocksdb::Slice key = iterator->key();
        if (const auto partition = partition_of({key.data(), key.size()}))
            all.push_back(*partition);
    }
    if (!iterator->status().ok())
        note_fault(report, "the list of partitions: " + iterator->status().ToString());
    return all;
}

}  // namespace

Result<VerifyReport> verify(Instance& instance, const std::atomic<bool>& stop, const VerifyHelp& help)
{
    VerifyReport report;
    verify_tables(instance, stop, help, report);
    for (const Partition& partition : all_partitions(instance, report)) {
        for (const Space space : {Space::rows, Space::bodies}) {
            if (stop)
                return fail(ErrorCode::cancelled, "the store is being closed");
            Walk(instance, partition, space, report, help).run();
        }
    }
    return report;
}

}  // namespace posthouse::store
