#include "store/rocksdb/rocks_store.h"

#include "store/conformance.h"
#include "store/rocksdb/test_folder.h"

namespace posthouse::store {

namespace {

struct RocksFactory {
    TestFolder folder;
    SystemClock system;
    NoLog log;
    Workers workers{2, 1000};
    std::unique_ptr<RocksStore> engine = RocksStore::open(options(), system, workers, log).value();

    RocksOptions options() { return {.folder = folder.path() + "/store"}; }
    Store& store() { return *engine; }
    const Clock& clock() { return system; }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, StoreConformance, RocksFactory);

}  // namespace posthouse::store
