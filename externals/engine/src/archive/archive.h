// A model file is a ZIP archive. libtorch trusts what it reads: of four hundred damaged files it
// loaded and ran a third, and one crashed it. So every byte that it will use is verified here
// first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace timbrel {

// The message is one line that begins with the file's name.
class ArchiveError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct ArchiveEntry {
    std::string name;
    size_t header = 0;  // offset in the file
    size_t offset = 0;  // of its stored bytes, behind the header
    size_t stored_size = 0;
    size_t size = 0;
    uint32_t checksum = 0;
    bool deflated = false;
};

class Archive {
  public:
    // Reads and verifies: the index, the bounds of every entry, that none overlaps another, and
    // every checksum. Throws ArchiveError.
    static Archive read(const std::string& path);
    static Archive verify(std::vector<char> bytes, const std::string& name);

    const std::vector<char>& bytes() const { return bytes_; }
    const std::vector<ArchiveEntry>& entries() const { return entries_; }

    // The contents of `name` inside the archive's top folder.
    std::optional<std::string> find(const std::string& name) const;

    // The same from a file of which only its index and this entry are read, however large it is.
    // Nothing where there is no such file or entry, or one of them is damaged. Never throws
    // ArchiveError.
    static std::optional<std::string> peek(const std::string& path, const std::string& name);

  private:
    Archive(std::vector<char> bytes, std::vector<ArchiveEntry> entries)
        : bytes_(std::move(bytes)), entries_(std::move(entries)) {}

    std::vector<char> bytes_;
    std::vector<ArchiveEntry> entries_;
};

}  // namespace timbrel
