// A damaged file must be refused in words, wherever the damage is, before libtorch reads it.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/contents.h"

using timbrel::Archive;
using timbrel::ArchiveError;

namespace {

using Bytes = std::vector<char>;

template <typename Number>
void put(Bytes& bytes, Number number) {
    for (size_t i = 0; i < sizeof(Number); ++i) {
        bytes.push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * i)));
    }
}

void put(Bytes& bytes, const std::string& text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
}

std::string deflate_text(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

struct Content {
    std::string name, text;
    bool deflated = false;
};

const std::vector<Content> kModel{
    {"net/data.pkl", std::string(300, 'p')},
    {"net/code/net.py", std::string(2000, 'c'), true},
    {"net/data/0", std::string("\x00\x01\x02 weights of the network", 26)},
    {"net/extra/timbrel.json", R"({"name": "tabla"})"},
    {"net/empty", ""},
};

// An archive as torch writes them (`wide`: with the 64-bit index that it always adds).
Bytes make_archive(const std::vector<Content>& contents, bool wide = true) {
    Bytes bytes, index;
    for (const Content& content : contents) {
        const auto checksum = static_cast<uint32_t>(
            crc32_z(0, reinterpret_cast<const Bytef*>(content.text.data()), content.text.size()));
        const std::string stored = content.deflated ? deflate_text(content.text) : content.text;
        const auto offset = static_cast<uint32_t>(bytes.size());
        const auto common = [&](Bytes& to) {
            put<uint16_t>(to, 0);  // flags
            put<uint16_t>(to, content.deflated ? 8 : 0);
            put<uint32_t>(to, 0);  // time and date
            put<uint32_t>(to, checksum);
            put<uint32_t>(to, static_cast<uint32_t>(stored.size()));
            put<uint32_t>(to, static_cast<uint32_t>(content.text.size()));
            put<uint16_t>(to, static_cast<uint16_t>(content.name.size()));
        };
        put<uint32_t>(bytes, 0x04034b50);
        put<uint16_t>(bytes, 20);
        common(bytes);
        put<uint16_t>(bytes, 0);
        put(bytes, content.name + stored);
        put<uint32_t>(index, 0x02014b50);
        put<uint32_t>(index, 20);  // made by, needed
        common(index);
        put<uint16_t>(index, wide ? 12 : 0);  // extra
        put<uint16_t>(index, 0);              // comment
        put<uint32_t>(index, 0);              // disk, internal attributes
        put<uint32_t>(index, 0);              // external attributes
        put<uint32_t>(index, wide ? 0xffffffff : offset);
        put(index, content.name);
        if (wide) {
            put<uint16_t>(index, 1);
            put<uint16_t>(index, 8);
            put<uint64_t>(index, offset);
        }
    }
    const auto begin = bytes.size();
    bytes.insert(bytes.end(), index.begin(), index.end());
    if (wide) {
        const auto end64 = bytes.size();
        put<uint32_t>(bytes, 0x06064b50);
        put<uint64_t>(bytes, 44);
        put<uint32_t>(bytes, 0);
        put<uint64_t>(bytes, 0);
        put<uint64_t>(bytes, contents.size());
        put<uint64_t>(bytes, contents.size());
        put<uint64_t>(bytes, index.size());
        put<uint64_t>(bytes, begin);
        put<uint32_t>(bytes, 0x07064b50);
        put<uint32_t>(bytes, 0);
        put<uint64_t>(bytes, end64);
        put<uint32_t>(bytes, 1);
    }
    put<uint32_t>(bytes, 0x06054b50);
    put<uint32_t>(bytes, 0);
    put<uint16_t>(bytes, static_cast<uint16_t>(contents.size()));
    put<uint16_t>(bytes, static_cast<uint16_t>(contents.size()));
    put<uint32_t>(bytes, static_cast<uint32_t>(index.size()));
    put<uint32_t>(bytes, wide ? 0xffffffff : static_cast<uint32_t>(begin));
    put<uint16_t>(bytes, 0);
    return bytes;
}

std::string refusal(const Bytes& bytes) {
    try {
        Archive::verify(bytes, "model.ts");
    } catch (const ArchiveError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a whole archive is accepted, and its extra file is found in its top folder") {
    for (const bool wide : {false, true}) {
        const Archive archive = Archive::verify(make_archive(kModel, wide), "model.ts");
        CHECK(archive.entries().size() == kModel.size());
        CHECK(archive.find("extra/timbrel.json") == R"({"name": "tabla"})");
        CHECK(archive.find("code/net.py") == std::string(2000, 'c'));
        CHECK_FALSE(archive.find("extra/other.json"));
    }
}

TEST_CASE("a truncated archive is refused wherever it ends") {
    const Bytes whole = make_archive(kModel);
    for (size_t eighth = 1; eighth < 8; ++eighth) {
        const Bytes cut(whole.begin(),
                        whole.begin() + static_cast<ptrdiff_t>(whole.size() * eighth / 8));
        CHECK(refusal(cut) == "model.ts: truncated (the file ends before its index)");
    }
    CHECK(refusal({}) == "model.ts: the file is empty");
    for (size_t size = 1; size < whole.size(); ++size) {
        CHECK(refusal({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}) != "");
    }
}

TEST_CASE("a flipped byte in any entry is refused with the entry's name") {
    const Bytes whole = make_archive(kModel);
    const Archive original = Archive::verify(whole, "model.ts");
    for (const auto& entry : original.entries()) {
        for (size_t i = 0; i < entry.stored_size; ++i) {
            Bytes damaged = whole;
            damaged[entry.offset + i] = static_cast<char>(damaged[entry.offset + i] ^ 0x10);
            CAPTURE(i);
            const std::string line = refusal(damaged);
            if (entry.deflated && line.empty()) {
                // The last byte of a compressed stream may hold bits that say nothing.
                CHECK(Archive::verify(damaged, "model.ts").find("code/net.py") ==
                      original.find("code/net.py"));
                continue;
            }
            CHECK(line == "model.ts: damaged (checksum of " + entry.name + " does not match)");
        }
    }
}

TEST_CASE("no damage anywhere makes the verifier read outside the file or change what is loaded") {
    for (const bool wide : {false, true}) {
        const Bytes whole = make_archive(kModel, wide);
        const Archive original = Archive::verify(whole, "model.ts");
        for (size_t at = 0; at < whole.size(); ++at) {
            for (const int flip : {0x01, 0x80, 0xff}) {
                Bytes damaged = whole;
                damaged[at] = static_cast<char>(damaged[at] ^ flip);
                try {
                    // Some bytes carry nothing: dates, attributes. Everything else must be as it
                    // was.
                    const Archive archive = Archive::verify(damaged, "model.ts");
                    REQUIRE(archive.entries().size() == original.entries().size());
                    for (size_t i = 0; i < archive.entries().size(); ++i) {
                        REQUIRE(archive.entries()[i].name == original.entries()[i].name);
                        REQUIRE(archive.entries()[i].offset == original.entries()[i].offset);
                        REQUIRE(archive.entries()[i].checksum == original.entries()[i].checksum);
                    }
                } catch (const ArchiveError&) {
                }
            }
        }
    }
}

TEST_CASE("what is no model at all is named for what it looks like") {
    const auto text = [](const std::string& string) { return Bytes(string.begin(), string.end()); };
    CHECK(refusal(text("#N canvas 0 50 450 300 12;\n")) ==
          "model.ts: not a TorchScript archive (it looks like text)");
    CHECK(refusal(text(std::string("\x7f"
                                   "ELF\x02\x01\x01\x00",
                                   8))) == "model.ts: not a TorchScript archive");
    CHECK(refusal(make_archive({{"notes.txt", "hello"}})) ==
          "model.ts: not a TorchScript archive (it is a ZIP file without a model in it)");
}

TEST_CASE("an entry that unfolds to more than it says is refused") {
    Bytes bytes =
        make_archive({{"net/data.pkl", "x"}, {"net/bomb", std::string(1 << 20, '0'), true}}, false);
    // The size of the second entry, in the index: 22 bytes of end, then its entry from behind.
    const size_t entry = bytes.size() - 22 - 46 - std::string("net/bomb").size();
    bytes[entry + 24] = 1, bytes[entry + 25] = bytes[entry + 26] = bytes[entry + 27] = 0;
    CHECK(refusal(bytes) == "model.ts: damaged (checksum of net/bomb does not match)");
}

TEST_CASE("a path that is no file is named") {
    const auto refuse = [](const std::string& path) -> std::string {
        try {
            Archive::read(path);
        } catch (const ArchiveError& error) {
            return error.what();
        }
        return "";
    };
    CHECK(refuse("nowhere/model.ts") == "model.ts: no such file");
    const auto folder = std::filesystem::temp_directory_path() / "timbrel_archive_test";
    std::filesystem::create_directories(folder / "model.ts");
    CHECK(refuse((folder / "model.ts").string()) == "model.ts: a folder, not a model file");
    std::ofstream(folder / "whole.ts", std::ios::binary)
        .write(make_archive(kModel).data(),
               static_cast<std::streamsize>(make_archive(kModel).size()));
    CHECK(refuse((folder / "whole.ts").string()) == "");
    // More than any memory holds, and next to nothing on disk: refused by its beginning.
    std::ofstream(folder / "huge.ts");
    std::filesystem::resize_file(folder / "huge.ts", uintmax_t{1} << 42);
    CHECK(refuse((folder / "huge.ts").string()) == "huge.ts: not a TorchScript archive");
    std::filesystem::remove_all(folder);
}

TEST_CASE("two entries of one name are refused") {
    std::vector<Content> contents = kModel;
    contents.push_back(contents[0]);
    CHECK(refusal(make_archive(contents)) == "model.ts: damaged (net/data.pkl is there twice)");
}

TEST_CASE("code that is nested without end is refused, and long code is not") {
    const auto problem = [](const std::string& code) -> std::string {
        const std::vector<Content> contents{{"net/data.pkl", "\x80\x02N."},
                                            {"net/code/a.py", code}};
        try {
            const Archive archive = Archive::verify(make_archive(contents), "model.ts");
            timbrel::check_contents(archive, "model.ts");
        } catch (const ArchiveError& error) {
            return error.what();
        }
        return "";
    };
    const auto repeat = [](const std::string& text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i)
            all += text;
        return all;
    };
    const std::string refused = "model.ts: damaged (code/a.py: its code is nested too deeply)";
    CHECK(problem(repeat("(", 2000)) == refused);
    CHECK(problem(repeat("[\n", 2000)) == refused);
    CHECK(problem(repeat(" ", 2000) + "x = 1") == refused);
    CHECK(problem("x = " + repeat("not ", 20'000) + "y") == refused);
    CHECK(problem("x = (" + repeat("-\n", 20'000) + "y)") == refused);
    CHECK(problem(repeat("  elif x:\n    y = 1\n", 20'000)) == refused);
    CHECK(problem("x = [" + repeat("-1.5, ", 20'000) + "0]") == "");
    CHECK(problem(repeat("def f(self: a.b) -> Tensor:\n  x = torch.add(y, -z)\n", 20'000)) == "");
    // The brackets of a message are none.
    CHECK(problem(repeat("def f(x):\n  raise Error(\"(\")\n", 20'000)) == "");
}

TEST_CASE("one entry of a file is read without the others") {
    const std::filesystem::path path = std::filesystem::temp_directory_path() / "timbrel-peek.ts";
    const auto peek = [&](const Bytes& bytes) {
        std::ofstream(path, std::ios::binary)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return Archive::peek(path.string(), "extra/timbrel.json");
    };
    std::vector<Content> contents = kModel;
    for (const bool wide : {false, true}) {
        const Bytes whole = make_archive(contents, wide);
        CHECK(peek(whole) == R"({"name": "tabla"})");
        Bytes damaged = whole;
        damaged[40] ^= 1;  // in another entry, which is not looked at
        CHECK(peek(damaged) == R"({"name": "tabla"})");
        for (size_t size = 0; size < whole.size(); size += 7)
            CHECK_FALSE(peek(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))));
    }
    // An index that is longer than what is read at first, and weights before it.
    for (int i = 0; i < 3000; ++i)
        contents.push_back({"net/data/" + std::to_string(i + 1), std::string(100, 'w')});
    CHECK(peek(make_archive(contents)) == R"({"name": "tabla"})");
    contents.erase(contents.begin() + 3);
    CHECK_FALSE(peek(make_archive(contents)));
    Bytes damaged = make_archive(kModel);
    const std::string text = "tabla";
    *std::search(damaged.begin(), damaged.end(), text.begin(), text.end()) = 'T';
    CHECK_FALSE(peek(damaged));
    CHECK_FALSE(Archive::peek("no such file", "extra/timbrel.json"));
    std::filesystem::remove(path);
}
