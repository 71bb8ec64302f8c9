#include "store/rocksdb/engine.h"

#include "base/time.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace posthouse::store {

namespace {

constexpr std::string_view room = "store/rocksdb";

// Readers hold an instance for milliseconds; one that hangs in a dying disk keeps the old one.
constexpr auto patience_with_readers = 5s;

// Manifest, options, the ends of tables.
constexpr std::uint64_t room_for_small_files = 256 << 10;

std::string aside_folder(const RocksOptions& options)
{
    const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
    return options.folder + "/damaged/" + rfc3339_date(now);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(RocksOptions options, Log& log)
{
    if (auto made = make_folder(options.folder); !made)
        return posthouse::fail(made.error());
    Result<FolderLock> lock = FolderLock::take(options.folder);
    if (!lock)
        return posthouse::fail(lock.error());
    std::unique_ptr<Engine> engine(new Engine(std::move(options), log, *std::move(lock)));
    if (const Result<DiskSpace> space = engine->space())
        engine->options_ = fitted(std::move(engine->options_), space->capacity);
    if (auto opened = engine->open_first(); !opened)
        return posthouse::fail(opened.error());
    return engine;
}

Engine::Engine(RocksOptions options, Log& log, FolderLock lock) :
    options_(std::move(options)),
    log_(log),
    lock_(std::move(lock)),
    mender_(options_.folder + "/db", aside_folder(options_), log)
{
    if (options_.unsafe_no_sync)
        log_.write(LogLevel::alarm, room, 0,
                   "UNSAFE: the store answers before anything is on disk; a power cut will lose mail",
                   {{"switch", "unsafe-no-sync"}});
}

Result<void> Engine::open_first()
{
    look_at_space();
    Result<SalvageReport> opened = open_instance(~0ull);
    if (!opened && opened.error() == ErrorCode::no_space) {
        give_up_reserve(options_.folder);
        opened = open_instance(~0ull);
    }
    if (opened) {
        salvaged_ = *std::move(opened);
        look_at_space();
        return {};
    }
    // A disk that takes no writes is still good to read from.
    if (opened.error() != ErrorCode::no_space && opened.error() != ErrorCode::io)
        return posthouse::fail(opened.error());
    log_.write(LogLevel::alarm, room, 0, "the store cannot be opened for writing", {{"error", opened.error().text}});
    Result<std::shared_ptr<Instance>> reader = Instance::open_to_read(options_, log_);
    if (!reader)
        return posthouse::fail(opened.error());
    put(*std::move(reader));
    failed_ = true;
    return {};
}

Result<SalvageReport> Engine::open_instance(std::uint64_t last_sequence)
{
    const std::string db = options_.folder + "/db";
    if (auto made = make_folder(db); !made)
        return posthouse::fail(made.error());
    mender_.mend_before_opening();
    Result<SalvageReport> salvaged = salvage_logs(db, aside_folder(options_), last_sequence, log_);
    if (!salvaged)
        return salvaged;
    Result<std::shared_ptr<Instance>> opened = open_or_mend();
    if (!opened)
        return posthouse::fail(opened.error());
    wrote((*opened)->db().GetLatestSequenceNumber());
    put(*std::move(opened));
    return salvaged;
}

Result<std::shared_ptr<Instance>> Engine::open_or_mend()
{
    constexpr int most_repairs = 8;
    for (int repairs = 0;; ++repairs) {
        Result<std::shared_ptr<Instance>> opened =
            Instance::open(options_, log_, [this](const rocksdb::Status& status) { on_background_failure(status); });
        if (opened || opened.error() != ErrorCode::corrupt || repairs == most_repairs ||
            !mender_.mend(opened.error().text))
            return opened;
    }
}

// On RocksDB's threads. Damaged data does not stop the healthy rest; whatever the disk refused does.
void Engine::on_background_failure(const rocksdb::Status& status)
{
    if (!status.IsCorruption()) {
        fail(nullptr, status.ToString());
    } else if (!mend(status)) {
        compaction_damaged_ = true;
        tell_trouble();
    }
}

void Engine::go_on_without_compaction()
{
    if (!compaction_damaged_.exchange(false))
        return;
    const std::shared_ptr<Instance> instance = to_write();
    if (!instance)
        return;
    log_.write(
        LogLevel::alarm, room, 0,
        "damage that cannot be put right stands in the way of compaction: restore a backup, or export and import");
    instance->stop_compacting();
}

Engine::~Engine()
{
    const std::shared_ptr<Instance> last = take_idle_instance();
    if (last && !failed_)
        if (const rocksdb::Status flushed = last->flush(); !flushed.ok())
            log_.write(LogLevel::warning, room, 0, "closing, the store could not write its tables",
                       {{"error", flushed.ToString()}});
}

void Engine::put(std::shared_ptr<Instance> instance)
{
    const std::scoped_lock lock(mutex_);
    instance_ = std::move(instance);
}

std::shared_ptr<Instance> Engine::to_read() const
{
    const std::scoped_lock lock(mutex_);
    return instance_;
}

std::shared_ptr<Instance> Engine::to_write() const
{
    if (failed_)
        return nullptr;
    return to_read();
}

void Engine::fail(const Instance* instance, const std::string& why)
{
    {
        const std::scoped_lock lock(mutex_);
        if (failed_ || (instance != nullptr && instance != instance_.get()))
            return;
        failed_ = true;
    }
    log_.write(LogLevel::alarm, room, 0, "the store takes no writes until it has been opened anew", {{"error", why}});
    tell_trouble();
}

void Engine::on_trouble(std::function<void()> call)
{
    const std::scoped_lock lock(mutex_);
    on_trouble_ = std::move(call);
}

void Engine::tell_trouble()
{
    std::function<void()> call;
    {
        const std::scoped_lock lock(mutex_);
        call = on_trouble_;
    }
    if (call)
        call();
}

Health Engine::health() const
{
    if (failed_.load(std::memory_order_relaxed))
        return Health::read_only;
    return low_space_.load(std::memory_order_relaxed) ? Health::low_space : Health::good;
}

Result<DiskSpace> Engine::space() const
{
    return options_.disk_space ? options_.disk_space(options_.folder) : disk_space(options_.folder);
}

void Engine::look_at_space()
{
    const std::unique_lock looking(space_mutex_, std::try_to_lock);
    if (!looking)
        return;  // another thread does
    const Result<DiskSpace> space = this->space();
    if (!space)
        return;  // the next write will tell
    const std::uint64_t intake_floor = options_.intake_floor_bytes;
    const std::uint64_t reserve = options_.reserve_bytes;
    const bool inodes_low = space->free_inodes < options_.intake_floor_inodes;
    const bool low = inodes_low || space->free < intake_floor;
    // Coming back needs a little more than the floor, and the reserve's own room if it was given up.
    const std::uint64_t back = intake_floor + intake_floor / 8 + (has_reserve(options_.folder) ? 0 : reserve);
    const bool was_low = low_space_;
    if (!was_low && low) {
        low_space_ = true;
        log_.write(LogLevel::alarm, room, 0, "the disk is nearly full: new mail is refused until there is room",
                   {{"free", std::to_string(space->free)},
                    {"floor", std::to_string(intake_floor)},
                    {"free_inodes", std::to_string(space->free_inodes)}});
        tell_trouble();
    }
    if (low && space->free < reserve && has_reserve(options_.folder)) {
        give_up_reserve(options_.folder);
        log_.write(LogLevel::alarm, room, 0, "the store's reserve is given up, so that deletes go on");
    }
    if (low || (was_low && space->free < back))
        return;
    if (!has_reserve(options_.folder) && reserve > 0) {
        const Result<void> kept = keep_reserve(options_.folder, reserve);
        if (!kept)
            return;
    }
    if (was_low) {
        low_space_ = false;
        log_.write(LogLevel::info, room, 0, "the disk has room again: new mail is taken",
                   {{"free", std::to_string(space->free)}});
    }
}

// The instance, once nobody else holds it; null, and nothing changed, if readers hold it too long.
std::shared_ptr<Instance> Engine::take_idle_instance()
{
    std::shared_ptr<Instance> instance;
    {
        const std::scoped_lock lock(mutex_);
        instance = std::move(instance_);
        instance_.reset();
    }
    const auto until = std::chrono::steady_clock::now() + patience_with_readers;
    while (instance && instance.use_count() > 1) {
        if (std::chrono::steady_clock::now() >= until) {
            put(std::move(instance));
            return nullptr;
        }
        std::this_thread::sleep_for(1ms);
    }
    return instance;
}

// Whether a new instance would find what it needs: what is in the logs goes into tables at its opening.
bool Engine::has_room_to_open() const
{
    const Result<DiskSpace> space = this->space();
    const std::uint64_t needed = bytes_of_logs(options_.folder + "/db") + room_for_small_files;
    return probe_disk(options_.folder) && (!space || space->free >= needed);
}

bool Engine::try_again()
{
    if (!failed_)
        return true;
    look_at_space();
    // The old instance is read from meanwhile; it is not closed for an attempt that must fail.
    if (!has_room_to_open()) {
        if (!has_reserve(options_.folder))
            return false;
        give_up_reserve(options_.folder);
        if (!has_room_to_open())
            return false;
    }
    std::shared_ptr<Instance> old = take_idle_instance();
    if (!old && to_read())
        return false;
    old.reset();  // closes it
    const Result<SalvageReport> opened = open_instance(last_sequence_);
    if (opened) {
        failed_ = false;
        log_.write(LogLevel::info, room, 0, "the store has been opened anew and takes writes again");
        look_at_space();
        return true;
    }
    log_.write(LogLevel::alarm, room, 0, "the store cannot be opened anew", {{"error", opened.error().text}});
    if (Result<std::shared_ptr<Instance>> reader = Instance::open_to_read(options_, log_))
        put(*std::move(reader));
    return false;
}

}  // namespace posthouse::store
