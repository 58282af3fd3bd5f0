// The folder of models that a package brings, and what can be added to it from the network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace timbrel::host {

// An index is what `sha256sum` writes: a line per file, with its checksum and its path relative to
// the index. So a folder on any web server is one after
//
//     sha256sum *.ts */*.ts > SHA256SUMS
//
// A model's name is its path without .ts. What is not a .ts file is left out.
//
// Every function throws std::runtime_error with a line for a person. Nothing outside the folder is
// ever written or removed.
class ModelStore {
  public:
    // The index's address is read anew each time: from the variable TIMBREL_MODEL_INDEX, else from
    // the first line of index.url in the folder.
    explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // [slow] Names, in the index's order.
    std::vector<std::string> available() const;
    // [slow] Brings a model into the folder, under the last part of its name unless `as` says
    // otherwise: either all of it and with the right checksum, or nothing. A file of that name is
    // replaced. The file's path.
    std::filesystem::path download(const std::string& name, const std::string& as) const;
    // With or without .ts.
    void remove(const std::string& name) const;

  private:
    struct Published {
        std::string name, url, sha256;
    };

    std::string index() const;
    std::vector<Published> read_index() const;
    std::filesystem::path file(const std::string& name) const;

    std::filesystem::path folder_;
};

}  // namespace timbrel::host
