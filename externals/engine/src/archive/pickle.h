// The pickles inside a model file describe its objects and tensors. libtorch runs them without
// checking that a tensor lies within its storage, or that a storage is as large as it says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace timbrel {

// What is wrong with a pickle, in words that go on after its name.
class PickleError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The size in bytes of the storage of this name; nothing where there is none.
using StorageSize = std::function<std::optional<uint64_t>(const std::string& key)>;

// Follows a pickle as libtorch will, without making anything of it: that every operation is known
// and finds what it needs, that nothing contains itself or is nested without end, and that every
// tensor lies within its storage. Throws PickleError.
void verify_pickle(std::string_view pickle, const StorageSize& storage_size);

}  // namespace timbrel
