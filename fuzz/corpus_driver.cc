// Runs a fuzz target over its corpus, and over cheap deterministic mutations of each file, without
// libFuzzer: so that every ./dev test run sees every grammar with hostile bytes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input)
{
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutate(std::string input, std::mt19937& dice)
{
    static constexpr std::string_view bytes{"\0\r\n\t \"\\()<>{}@:;,.*%\x7f\x80\xff", 24};
    for (unsigned changes = 1 + dice() % 4; changes > 0; --changes) {
        const std::size_t at = input.empty() ? 0 : dice() % input.size();
        switch (dice() % 4) {
        case 0: input.insert(at, 1, bytes[dice() % bytes.size()]); break;
        case 1:
            if (!input.empty())
                input.erase(at, 1 + dice() % 8);
            break;
        case 2:
            if (!input.empty())
                input[at] = static_cast<char>(dice());
            break;
        case 3: input.insert(at, input.substr(at, dice() % 64)); break;
        }
    }
    return input;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
        std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 64;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
        if (entry.is_regular_file())
            files.push_back(entry.path());
    std::ranges::sort(files);
    if (files.empty()) {
        std::fprintf(stderr, "no corpus in %s\n", argv[1]);
        return 1;
    }
    std::mt19937 dice(1);
    std::size_t runs = 0;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(in), {}};
        run(input);
        for (int i = 0; i < 50; ++i, ++runs)
            run(mutate(input, dice));
    }
    std::printf("%zu files, %zu inputs\n", files.size(), files.size() + runs);
}
