// Reading logs: no bytes crash the reader, its answers stay within the file, and what it calls good,
// written anew, is read back the same.
#include "store/rocksdb/layout.h"
#include "store/rocksdb/packing.h"
#include "store/rocksdb/wal.h"

#include <cstdlib>

using namespace posthouse::store;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

std::vector<std::string> records_of(std::string_view file, std::uint32_t number)
{
    WalReader reader(file, number);
    std::vector<std::string> records;
    std::size_t end = 0;
    while (const auto record = reader.next()) {
        must(record->offset >= end && record->end > record->offset && record->end <= file.size());
        end = record->end;
        must(reader.good_end() == end);
        records.push_back(record->bytes);
        (void)batch_header(record->bytes);
    }
    std::size_t last = 0;
    for (const WalDamage& damage : reader.damage()) {
        must(damage.offset >= last && damage.end > damage.offset && damage.end <= end);
        last = damage.end;
    }
    return records;
}

void read_again(const std::vector<std::string>& records, std::optional<std::uint32_t> number)
{
    WalWriter writer(number);
    for (const std::string& record : records)
        writer.add(record);
    must(records_of(writer.bytes(), number.value_or(1)) == records);
}

}  // namespace

// The first byte is the log's number; the rest is the log, and by itself a stored key, a head and a body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::vector<std::string> records = records_of(bytes, data[0]);
    read_again(records, std::nullopt);
    read_again(records, data[0]);

    if (const auto partition = partition_of(bytes))
        must(is_head(bytes) || bytes.starts_with(view(row_prefix(*partition))));
    (void)commit_id(bytes);
    Packer packer;
    if (const auto value = packer.unpack(bytes, 65536))
        must(value->size() <= 65536 || bytes[0] == 0);
    must(packer.unpack(packer.pack(bytes), bytes.size()) == std::string(bytes));
    return 0;
}
