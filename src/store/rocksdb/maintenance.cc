#include "store/rocksdb/maintenance.h"

#include "store/rocksdb/garbage.h"

#include <future>

namespace posthouse::store {

namespace {

constexpr std::size_t most_waiting = 8;

std::unexpected<Error> not_open() { return fail(ErrorCode::unavailable, "the store is being opened anew"); }

}  // namespace

Maintenance::Maintenance(Engine& engine, Packer& packer, Log& log) :
    engine_(engine), packer_(packer), log_(log), thread_([this] { work(); })
{
}

Maintenance::~Maintenance() { stop(); }

void Maintenance::stop()
{
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    filled_.notify_one();
    if (thread_.joinable())
        thread_.join();
}

bool Maintenance::enqueue(Job job)
{
    {
        const std::scoped_lock lock(mutex_);
        if (stopping_ || jobs_.size() >= most_waiting)
            return false;
        jobs_.push_back(std::move(job));
    }
    filled_.notify_one();
    return true;
}

// Jobs that wait at the end get no instance, and say so.
void Maintenance::work()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        filled_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty())
            return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job(stopping_ ? nullptr : engine_.to_read());
        job = {};
        lock.lock();
    }
}

template <class T> Result<T> Maintenance::run(std::function<Result<T>(Instance&)> work)
{
    const auto answer = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> awaited = answer->get_future();
    const bool taken = enqueue([answer, work = std::move(work)](std::shared_ptr<Instance> instance) {
        try {
            answer->set_value(instance ? work(*instance) : not_open());
        } catch (const std::exception& bug) {
            answer->set_value(fail(ErrorCode::internal, bug.what()));
        }
    });
    if (!taken)
        return fail(ErrorCode::unavailable, "too many maintenance jobs wait");
    return awaited.get();
}

Result<BackupReport> Maintenance::back_up(const std::string& folder)
{
    return run<BackupReport>([this, folder](Instance& instance) -> Result<BackupReport> {
        if (engine_.health() == Health::read_only)
            return not_open();
        return store::back_up(instance, folder);
    });
}

Result<VerifyReport> Maintenance::verify()
{
    return run<VerifyReport>([this](Instance& instance) {
        const VerifyHelp help{
            .check_body =
                [this](std::string_view stored) { return packer_.unpack(stored, Limits().value_bytes).has_value(); },
            .mend = [this](const std::string& error) { return engine_.mend(error); }};
        return store::verify(instance, stopping_, help);
    });
}

void Maintenance::collect_garbage_soon(bool thorough)
{
    if (collecting_.exchange(true))
        return;
    const bool taken = enqueue([this, thorough](std::shared_ptr<Instance> instance) {
        if (instance && engine_.health() != Health::read_only)
            collect(*instance, thorough);
        collecting_ = false;
    });
    if (!taken)
        collecting_ = false;
}

void Maintenance::collect(Instance& instance, bool thorough)
{
    const Result<bool> collected = collect_garbage(instance, thorough);
    if (!collected)
        log_.write(LogLevel::warning, "store/rocksdb", 0, "the room of erased bodies could not be given back",
                   {{"error", collected.error().text}});
    else if (*collected)
        log_.write(LogLevel::info, "store/rocksdb", 0, "the room of erased bodies was given back");
}

}  // namespace posthouse::store
