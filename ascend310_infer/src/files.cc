// Copyright 2026 The Dynamic Quantization for MindSpore Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

#include "inc/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "inc/error.h"

namespace infer {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestFile = uintmax_t{1} << 31;

std::string Reason() { return errno ? std::strerror(errno) : "unknown reason"; }

void CheckSize(const fs::path &path, size_t bytes, const std::string &what) {
  std::error_code problem;
  const uintmax_t size = fs::file_size(path, problem);
  if (problem) {
    throw Error("image " + path.string() + " cannot be read: " + problem.message());
  }
  if (size != bytes) {
    throw Error("image " + path.string() + " has " + std::to_string(size) + " bytes; the network takes " + what +
                " = " + std::to_string(bytes) + " bytes: make the images with preprocess.py for this network");
  }
}

// Removes a partial file unless it was moved to its final name.
class Partial {
 public:
  explicit Partial(fs::path path) : path_(std::move(path)) {}
  ~Partial() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Partial(const Partial &) = delete;
  Partial &operator=(const Partial &) = delete;
  const fs::path &path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::vector<Image> ListImages(const std::string &folder, size_t bytes, const std::string &what) {
  std::error_code problem;
  std::vector<fs::path> paths;
  fs::directory_iterator entry(folder, problem);
  for (; !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    std::error_code ignored;  // an entry that vanished is no image
    if (entry->path().extension() == ".bin" && entry->is_regular_file(ignored)) {
      paths.push_back(entry->path());
    }
  }
  if (problem) {
    throw Error("--dataset_path=" + folder + " cannot be listed: " + problem.message() +
                "; name the folder of .bin files that preprocess.py wrote");
  }
  if (paths.empty()) {
    throw Error("--dataset_path=" + folder + " has no .bin files; make them with preprocess.py");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Image> images;
  for (const fs::path &path : paths) {
    CheckSize(path, bytes, what);
    images.push_back({path.string(), path.stem().string()});
  }
  return images;
}

Bytes ReadFile(const std::string &path) {
  std::error_code problem;
  // A pipe or a device has no end, a folder no bytes.
  if (!fs::is_regular_file(path, problem)) {
    throw Error(path + " cannot be read: " + (problem ? problem.message() : "not a file"));
  }
  const uintmax_t size = fs::file_size(path, problem);
  if (problem || size > kLargestFile) {
    throw Error(path + " cannot be read: " + (problem ? problem.message() : "larger than 2 GiB"));
  }
  Bytes content(size);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file.read(content.data(), static_cast<std::streamsize>(size))) {
    throw Error(path + " cannot be read: " + Reason());
  }
  return content;
}

void MakeFolder(const std::string &folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) {
    throw Error("folder " + folder + " cannot be made: " + problem.message() + "; name another one");
  }
  const Partial probe(fs::path(folder) / ".probe.part");
  errno = 0;
  if (!std::ofstream(probe.path())) {
    throw Error("folder " + folder + " cannot be written: " + Reason() + "; name another one");
  }
}

void WriteFile(const std::string &path, const void *data, size_t bytes) {
  const fs::path target(path);
  const Partial partial(target.parent_path() / ("." + target.filename().string() + ".part"));
  errno = 0;
  std::ofstream file(partial.path(), std::ios::binary);
  file.write(static_cast<const char *>(data), static_cast<std::streamsize>(bytes));
  file.close();  // a full disk may show only here
  if (!file) {
    throw Error(path + " cannot be written: " + Reason() + "; make room or name another folder");
  }
  std::error_code problem;
  fs::rename(partial.path(), target, problem);
  if (problem) {
    throw Error(path + " cannot be written: " + problem.message());
  }
}

}  // namespace infer
