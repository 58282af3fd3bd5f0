#include "archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <span>
#include <string_view>

namespace timbrel {
namespace {

// The parts of the ZIP format that torch writes, and those that other tools may write instead.
// Numbers from PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kIndexEntry = 0x02014b50;
constexpr uint32_t kIndexEnd = 0x06054b50;
constexpr uint32_t kIndexEnd64 = 0x06064b50;
constexpr uint32_t kIndexLocator64 = 0x07064b50;
constexpr size_t kLocalHeaderSize = 30;
constexpr size_t kIndexEntrySize = 46;
constexpr size_t kIndexEndSize = 22;
constexpr size_t kIndexEnd64Size = 56;
constexpr size_t kIndexLocator64Size = 20;
constexpr size_t kFurthestIndexEnd = kIndexEndSize + 0xffff;  // a comment may follow

// How much of a file is looked at to tell a model from anything else.
constexpr size_t kBeginning = 512;

// More than any index, and any description of a model, takes.
constexpr size_t kLargestPeek = 16 << 20;

class Verifier {
  public:
    // `bytes` is the file from `base` on, to its end or to as far as is needed.
    Verifier(std::span<const char> bytes, const std::string& file, size_t base = 0)
        : bytes_(bytes), file_(file), base_(base) {}

    void check_beginning() const {
        if (bytes_.empty())
            fail("the file is empty");
        if (bytes_.size() < 4 || get<uint32_t>(0) != kLocalHeader)
            fail_foreign();
    }

    std::vector<ArchiveEntry> run() {
        check_beginning();
        find_index();
        std::vector<ArchiveEntry> entries = read_index();
        for (ArchiveEntry& entry : entries)
            locate(entry);
        check_overlaps(entries);
        check_names(entries);
        for (const ArchiveEntry& entry : entries)
            check_contents(entry);
        const auto is_model = [](const ArchiveEntry& entry) {
            return entry.name.ends_with("/data.pkl");
        };
        if (std::none_of(entries.begin(), entries.end(), is_model)) {
            fail("not a TorchScript archive (it is a ZIP file without a model in it)");
        }
        return entries;
    }

    // Where the index begins: the file has to be seen from there on to read it.
    size_t find_index_begin() {
        find_index();
        return index_;
    }

    // What the index says of an entry, its place in the file excepted.
    std::vector<ArchiveEntry> read_index() {
        std::vector<ArchiveEntry> entries;
        size_t at = index_;
        const size_t end = index_ + index_size_;
        for (uint64_t i = 0; i < count_; ++i) {
            if (end - at < kIndexEntrySize || get<uint32_t>(at) != kIndexEntry) {
                fail_damaged("entry " + std::to_string(i) + " of its index is not readable");
            }
            const size_t name_size = get<uint16_t>(at + 28);
            const size_t extra_size = get<uint16_t>(at + 30);
            const size_t whole = kIndexEntrySize + name_size + extra_size + get<uint16_t>(at + 32);
            if (end - at < whole)
                fail_damaged("its index ends within an entry");
            entries.push_back(read_entry(at, name_size, extra_size));
            at += whole;
        }
        if (at != end)
            fail_damaged("its index holds more than it says");
        return entries;
    }

    // Finds an entry's contents behind its own header. libtorch reads by these headers as well, so
    // they must tell the same as the index.
    void locate(ArchiveEntry& entry) const {
        const std::string label = printable(entry.name);
        const size_t header = entry.header;
        if (!holds(header, kLocalHeaderSize) || get<uint32_t>(header) != kLocalHeader) {
            fail_damaged(label + " is not where the index says");
        }
        const size_t name_size = get<uint16_t>(header + 26);
        entry.offset = header + kLocalHeaderSize + name_size + get<uint16_t>(header + 28);
        if (name_size != entry.name.size() || !holds(header + kLocalHeaderSize, name_size) ||
            std::memcmp(bytes_.data() + header - base_ + kLocalHeaderSize, entry.name.data(),
                        name_size) != 0 ||
            get<uint16_t>(header + 8) != (entry.deflated ? Z_DEFLATED : 0)) {
            fail_damaged(label + " does not match its index");
        }
        if (!holds(entry.offset, entry.stored_size) || entry.offset + entry.stored_size > index_) {
            fail_damaged(label + " reaches beyond the end");
        }
    }

    void check_contents(const ArchiveEntry& entry) const {
        uint32_t checksum = 0;
        size_t size = 0;
        const bool complete = for_each_piece(entry, [&](const char* data, size_t count) {
            checksum = static_cast<uint32_t>(
                crc32_z(checksum, reinterpret_cast<const unsigned char*>(data), count));
            size += count;
            return size <= entry.size;  // a small file must not unfold without end
        });
        if (!complete || size != entry.size || checksum != entry.checksum) {
            fail_damaged("checksum of " + printable(entry.name) + " does not match");
        }
    }

    // Verified before.
    std::string contents(const ArchiveEntry& entry) const {
        std::string contents;
        contents.reserve(entry.size);
        for_each_piece(entry, [&](const char* data, size_t count) {
            contents.append(data, count);
            return true;
        });
        return contents;
    }

    // Entries end here, where the index is not in sight.
    void set_end(size_t end) { index_ = end; }

  private:
    [[noreturn]] void fail(const std::string& reason) const {
        throw ArchiveError(file_ + ": " + reason);
    }
    [[noreturn]] void fail_damaged(const std::string& detail) const {
        fail("damaged (" + detail + ")");
    }

    [[noreturn]] void fail_foreign() const {
        const size_t looked_at = std::min(bytes_.size(), kBeginning);
        const bool text = std::all_of(
            bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(looked_at), [](char c) {
                const auto code = static_cast<unsigned char>(c);
                return code >= 0x20 || (code >= 0x09 && code <= 0x0d);
            });
        fail(text ? "not a TorchScript archive (it looks like text)" : "not a TorchScript archive");
    }

    bool holds(size_t offset, size_t size) const {
        const size_t end = base_ + bytes_.size();
        return offset >= base_ && offset <= end && size <= end - offset;
    }

    // Little-endian, as all numbers in a ZIP file; the caller has checked the bounds.
    template <typename Number>
    Number get(size_t offset) const {
        Number number = 0;
        for (size_t i = 0; i < sizeof(Number); ++i) {
            number |= static_cast<Number>(static_cast<unsigned char>(bytes_[offset - base_ + i]))
                      << (8 * i);
        }
        return number;
    }

    void find_index() {
        const size_t size = base_ + bytes_.size();
        const size_t first = std::max(base_, size - std::min(size, kFurthestIndexEnd));
        size_t end = size;
        for (size_t at = size - std::min(size, kIndexEndSize); at + 1 > first; --at) {
            if (holds(at, kIndexEndSize) && get<uint32_t>(at) == kIndexEnd &&
                at + kIndexEndSize + get<uint16_t>(at + 20) == size) {
                end = at;
                break;
            }
            if (at == 0)
                break;
        }
        if (end == size)
            fail("truncated (the file ends before its index)");
        count_ = get<uint16_t>(end + 10);
        index_size_ = get<uint32_t>(end + 12);
        index_ = get<uint32_t>(end + 16);
        index_limit_ = end;
        if (end >= base_ + kIndexLocator64Size &&
            get<uint32_t>(end - kIndexLocator64Size) == kIndexLocator64) {
            const auto at = get<uint64_t>(end - kIndexLocator64Size + 8);
            if (!holds(at, kIndexEnd64Size) || get<uint32_t>(at) != kIndexEnd64) {
                fail_damaged("its index is not where it should be");
            }
            count_ = get<uint64_t>(at + 32);
            index_size_ = get<uint64_t>(at + 40);
            index_ = get<uint64_t>(at + 48);
            index_limit_ = at;
        }
        if (index_ > index_limit_ || index_size_ > index_limit_ - index_) {
            fail_damaged("its index is not where it should be");
        }
    }

    ArchiveEntry read_entry(size_t at, size_t name_size, size_t extra_size) const {
        ArchiveEntry entry;
        const auto flags = get<uint16_t>(at + 8);
        const auto method = get<uint16_t>(at + 10);
        entry.checksum = get<uint32_t>(at + 16);
        uint64_t stored_size = get<uint32_t>(at + 20);
        uint64_t size = get<uint32_t>(at + 24);
        uint64_t header = get<uint32_t>(at + 42);
        entry.name.assign(bytes_.data() + at - base_ + kIndexEntrySize, name_size);
        read_wide_numbers(at + kIndexEntrySize + name_size, extra_size, size, stored_size, header);

        const std::string label = printable(entry.name);
        if (flags & 1)
            fail_damaged(label + " is encrypted");
        if (method != 0 && method != Z_DEFLATED)
            fail_damaged(label + " is compressed in an unknown way");
        entry.deflated = method == Z_DEFLATED;
        if (!entry.deflated && stored_size != size)
            fail_damaged(label + " has two sizes");
        entry.header = header;
        entry.stored_size = stored_size;
        entry.size = size;
        return entry;
    }

    // Numbers that do not fit into 32 bits stand in an extra field, in this order, if at all.
    void read_wide_numbers(size_t at, size_t left, uint64_t& size, uint64_t& stored_size,
                           uint64_t& header) const {
        while (left >= 4) {
            const auto id = get<uint16_t>(at);
            const size_t length = get<uint16_t>(at + 2);
            if (length > left - 4)
                return;
            if (id == 1) {
                size_t field = at + 4, rest = length;
                for (uint64_t* number : {&size, &stored_size, &header}) {
                    if (*number != 0xffffffff || rest < 8)
                        continue;
                    *number = get<uint64_t>(field);
                    field += 8;
                    rest -= 8;
                }
                return;
            }
            at += 4 + length;
            left -= 4 + length;
        }
    }

    // Of two entries of one name, who knows which one is read.
    void check_names(const std::vector<ArchiveEntry>& entries) const {
        std::set<std::string_view> names;
        for (const ArchiveEntry& entry : entries) {
            if (!names.insert(entry.name).second)
                fail_damaged(printable(entry.name) + " is there twice");
        }
    }

    void check_overlaps(const std::vector<ArchiveEntry>& entries) const {
        std::vector<const ArchiveEntry*> order;
        for (const ArchiveEntry& entry : entries)
            order.push_back(&entry);
        std::sort(order.begin(), order.end(), [](const ArchiveEntry* a, const ArchiveEntry* b) {
            return a->offset < b->offset;
        });
        for (size_t i = 1; i < order.size(); ++i) {
            if (order[i - 1]->offset + order[i - 1]->stored_size > order[i]->offset) {
                fail_damaged(printable(order[i]->name) + " overlaps another entry");
            }
        }
    }

    // Names come from the file: what a console cannot show is replaced.
    static std::string printable(std::string name) {
        if (name.size() > 80)
            name.resize(80);
        for (char& c : name) {
            if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
                c = '?';
        }
        return name;
    }

    // False where the compressed stream is broken or `use` has had enough.
    bool for_each_piece(const ArchiveEntry& entry,
                        const std::function<bool(const char*, size_t)>& use) const {
        const char* data = bytes_.data() + entry.offset - base_;
        if (!entry.deflated)
            return use(data, entry.stored_size);
        z_stream stream{};
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
            return false;
        std::array<char, 65536> piece;
        size_t left = entry.stored_size;
        int status = Z_OK;
        while (status == Z_OK) {
            if (stream.avail_in == 0) {
                // zlib counts in 32 bits.
                const size_t count = std::min<size_t>(left, 1U << 30);
                stream.next_in =
                    reinterpret_cast<Bytef*>(const_cast<char*>(data + entry.stored_size - left));
                stream.avail_in = static_cast<uInt>(count);
                left -= count;
            }
            stream.next_out = reinterpret_cast<Bytef*>(piece.data());
            stream.avail_out = static_cast<uInt>(piece.size());
            status = inflate(&stream, Z_NO_FLUSH);
            if ((status == Z_OK || status == Z_STREAM_END) &&
                !use(piece.data(), piece.size() - stream.avail_out)) {
                break;
            }
        }
        inflateEnd(&stream);
        return status == Z_STREAM_END;
    }

    const std::span<const char> bytes_;
    const std::string& file_;
    const size_t base_;
    uint64_t count_ = 0;
    size_t index_ = 0, index_size_ = 0, index_limit_ = 0;
};

// Whether this is `name` inside the archive's top folder.
bool is_at(const ArchiveEntry& entry, const std::string& name) {
    const size_t folder = entry.name.find('/');
    return folder != std::string::npos &&
           entry.name.compare(folder + 1, std::string::npos, name) == 0;
}

}  // namespace

Archive Archive::read(const std::string& path) {
    const std::filesystem::path file(path);
    const std::string name = file.filename().string();
    std::error_code problem;
    const auto status = std::filesystem::status(file, problem);
    if (!std::filesystem::exists(status))
        throw ArchiveError(name + ": no such file");
    if (std::filesystem::is_directory(status)) {
        throw ArchiveError(name + ": a folder, not a model file");
    }
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (!stream)
        throw ArchiveError(name + ": cannot be opened (" + std::strerror(errno) + ")");
    const auto size = static_cast<size_t>(std::max<std::streamoff>(stream.tellg(), 0));
    stream.seekg(0);
    std::vector<char> bytes;
    const auto read_until = [&](size_t end) {
        const size_t begin = bytes.size();
        bytes.resize(end);
        if (!stream.read(bytes.data() + begin, static_cast<std::streamsize>(end - begin)))
            throw ArchiveError(name + ": cannot be read to its end");
    };
    // First as much as tells what it is: hours of sound by a wrong name must not fill the memory.
    read_until(std::min(size, kBeginning));
    Verifier(bytes, name).check_beginning();
    read_until(size);
    return verify(std::move(bytes), name);
}

Archive Archive::verify(std::vector<char> bytes, const std::string& name) {
    std::vector<ArchiveEntry> entries = Verifier(bytes, name).run();
    return {std::move(bytes), std::move(entries)};
}

std::optional<std::string> Archive::find(const std::string& name) const {
    for (const ArchiveEntry& entry : entries_) {
        if (is_at(entry, name))
            return Verifier(bytes_, entry.name).contents(entry);
    }
    return std::nullopt;
}

std::optional<std::string> Archive::peek(const std::string& path, const std::string& name) {
    std::ifstream stream(std::filesystem::path(path), std::ios::binary | std::ios::ate);
    if (!stream)
        return std::nullopt;
    const auto size = static_cast<size_t>(std::max<std::streamoff>(stream.tellg(), 0));
    const auto read = [&](size_t begin, size_t end) {
        std::vector<char> bytes(end - begin);
        stream.seekg(static_cast<std::streamoff>(begin));
        if (!stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
            throw ArchiveError("cannot be read");
        return bytes;
    };
    try {
        size_t begin = size - std::min(size, kFurthestIndexEnd + kIndexEnd64Size);
        std::vector<char> bytes = read(begin, size);
        if (const size_t index = Verifier(bytes, path, begin).find_index_begin(); index < begin) {
            if (size - index > kLargestPeek)
                return std::nullopt;
            begin = index;
            bytes = read(begin, size);
        }
        Verifier tail(bytes, path, begin);
        const size_t index = tail.find_index_begin();
        for (ArchiveEntry& entry : tail.read_index()) {
            if (!is_at(entry, name) || entry.header > index || entry.stored_size > kLargestPeek ||
                entry.size > kLargestPeek)
                continue;
            // Its own header, with a name and an extra field of up to 64 KiB each, and its
            // contents.
            const size_t end =
                std::min(index, entry.header + kLocalHeaderSize + 2 * 0xffff + entry.stored_size);
            bytes = read(entry.header, end);
            Verifier part(bytes, path, entry.header);
            part.set_end(end);
            part.locate(entry);
            part.check_contents(entry);
            return part.contents(entry);
        }
    } catch (const ArchiveError&) {
        // Loading the file tells what is wrong with it.
    }
    return std::nullopt;
}

}  // namespace timbrel
