#include "store/rocksdb/salvage.h"

#include "base/text.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/layout.h"
#include "store/rocksdb/wal.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <rocksdb/write_batch.h>

namespace posthouse::store {

namespace {

struct LogFile {
    std::uint64_t number;
    std::string path;
};

std::vector<LogFile> logs_in(const std::string& db)
{
    std::vector<LogFile> logs;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(db, ignored)) {
        const std::string name = entry.path().filename();
        const auto number =
            name.ends_with(".log") ? parse_number<std::uint64_t>(name.substr(0, name.size() - 4)) : std::nullopt;
        if (number)
            logs.push_back({*number, entry.path()});
    }
    std::ranges::sort(logs, {}, &LogFile::number);
    return logs;
}

// The partitions that a write batch's keys belong to.
class Touched final : public rocksdb::WriteBatch::Handler {
public:
    explicit Touched(std::set<Partition>& partitions) : partitions_(partitions) { }
    rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice&) override
    {
        return note(key);
    }
    rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice& key) override { return note(key); }
    rocksdb::Status DeleteRangeCF(std::uint32_t, const rocksdb::Slice& from, const rocksdb::Slice&) override
    {
        return note(from);
    }
    void LogData(const rocksdb::Slice&) override { }

private:
    rocksdb::Status note(const rocksdb::Slice& key)
    {
        if (const auto partition = partition_of({key.data(), key.size()}))
            partitions_.insert(*partition);
        return rocksdb::Status::OK();
    }
    std::set<Partition>& partitions_;
};

struct Scan {
    LogFile file;
    std::uint64_t records = 0;
    std::vector<WalDamage> damage;  // with good records behind it
    bool torn = false;
    std::size_t good_end = 0;
    std::size_t size = 0;
};

// Records of the failed write that `last_sequence` excludes, and everything behind them, do not count.
bool is_excluded(const WalRecord& record, std::uint64_t last_sequence)
{
    const auto header = batch_header(record.bytes);
    return last_sequence != ~0ull && header && header->sequence > last_sequence;
}

Result<Scan> scan(const LogFile& file, std::uint64_t last_sequence)
{
    const Result<std::string> bytes = read_file(file.path);
    if (!bytes)
        return fail(bytes.error());
    Scan found{.file = file, .size = bytes->size()};
    WalReader reader(*bytes, static_cast<std::uint32_t>(file.number));
    while (const auto record = reader.next()) {
        if (is_excluded(*record, last_sequence))
            break;
        found.good_end = record->end;
        ++found.records;
    }
    found.damage = reader.damage();
    std::erase_if(found.damage, [&found](const WalDamage& damage) { return damage.offset >= found.good_end; });
    found.torn = reader.torn();
    return found;
}

Result<std::string> put_aside(const LogFile& file, const std::string& aside)
{
    const std::string root = std::filesystem::path(aside).parent_path();
    for (const std::string& folder : {root, aside})
        if (auto made = make_folder(folder); !made)
            return fail(made.error());
    const std::string copy = aside + "/" + std::string(std::filesystem::path(file.path).filename());
    if (auto copied = copy_file(file.path, copy); !copied)
        return fail(copied.error());
    return copy;
}

// Writes the log anew from its good records, and notes the partitions of those behind `from`.
Result<void> rewrite(const Scan& scan, std::uint64_t last_sequence, std::size_t from, std::set<Partition>& partitions)
{
    const Result<std::string> bytes = read_file(scan.file.path);
    if (!bytes)
        return fail(bytes.error());
    std::optional<WalWriter> writer;
    Touched touched(partitions);
    WalReader reader(*bytes, static_cast<std::uint32_t>(scan.file.number));
    while (const auto record = reader.next()) {
        if (is_excluded(*record, last_sequence))
            break;
        if (!writer)
            writer.emplace(record->with_log_number ? std::optional(static_cast<std::uint32_t>(scan.file.number))
                                                   : std::nullopt);
        writer->add(record->bytes);
        // A batch that does not come apart names what it can; RocksDB judges it again.
        if (record->offset >= from)
            rocksdb::WriteBatch(record->bytes).Iterate(&touched).PermitUncheckedError();
    }
    return write_file(scan.file.path, writer ? writer->bytes() : std::string());
}

Result<std::vector<Scan>> scan_all(const std::string& db, std::uint64_t last_sequence)
{
    std::vector<Scan> scans;
    for (const LogFile& file : logs_in(db)) {
        Result<Scan> found = scan(file, last_sequence);
        if (!found)
            return fail(found.error());
        // A broken end is no mere torn tail when a later log has records.
        if (found->records > 0)
            for (Scan& before : scans)
                if (std::exchange(before.torn, false))
                    before.damage.push_back({before.good_end, before.size});
        scans.push_back(*std::move(found));
    }
    return scans;
}

Result<void> cut_tail(const Scan& scan, SalvageReport& report, Log& log)
{
    if (scan.good_end == scan.size)
        return {};
    if (scan.torn) {
        ++report.torn_logs;
        log.write(LogLevel::info, "store/rocksdb", 0, "a log ends in a torn record, as after a crash",
                  {{"file", scan.file.path},
                   {"kept", std::to_string(scan.good_end)},
                   {"dropped", std::to_string(scan.size - scan.good_end)}});
    }
    return cut_file(scan.file.path, scan.good_end);
}

Result<void> raise_alarm(const Scan& scan, const std::string& aside, SalvageReport& report, Log& log)
{
    const Result<std::string> copy = put_aside(scan.file, aside);
    if (!copy)
        return fail(copy.error());
    report.damaged_places += scan.damage.size();
    report.copies.push_back(*copy);
    log.write(LogLevel::alarm, "store/rocksdb", 0, "a log is damaged and good records lie behind the damage",
              {{"file", scan.file.path},
               {"from", std::to_string(scan.damage.front().offset)},
               {"places", std::to_string(scan.damage.size())},
               {"kept_records", std::to_string(scan.records)},
               {"copy", *copy}});
    return {};
}

}  // namespace

Result<SalvageReport> salvage_logs(const std::string& db, const std::string& aside, std::uint64_t last_sequence,
                                   Log& log)
{
    SalvageReport report;
    const Result<std::vector<Scan>> scans = scan_all(db, last_sequence);
    if (!scans)
        return fail(scans.error());
    bool behind_damage = false;
    for (const Scan& found : *scans) {
        ++report.logs;
        report.records += found.records;
        report.bytes += found.good_end;
        Result<void> done;
        if (!found.damage.empty())
            done = raise_alarm(found, aside, report, log);
        if (done && (behind_damage || !found.damage.empty()))
            done = rewrite(found, last_sequence, behind_damage ? 0 : found.damage.front().offset, report.touched);
        else if (done)
            done = cut_tail(found, report, log);
        if (!done)
            return fail(done.error());
        behind_damage = behind_damage || !found.damage.empty();
    }
    return report;
}

}  // namespace posthouse::store
