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

#include "inc/flags.h"

#include <cctype>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {

const char kUsage[] = R"(usage: main --mindir_path=PATH --dataset_path=FOLDER [--key=value ...]

  --mindir_path    the folder (or its bundle.cfg) that export.py wrote;
                   for --device_type=Host a .safetensors file, or a folder with model.safetensors
  --dataset_path   a folder of .bin files, one image each, taken in the order of their names
  --device_type    Ascend (default), CPU, or Host: the integer artefact on this machine's processor
  --device_id      which Ascend device (default 0)
  --thread_num     threads on the processor (default 0: all cores)
  --result_path    where logits and choices go (default ./result_Files)
  --time_path      where the timing report goes (default ./time_Result)
  --mode           stages (default), or single: the bundle's one-file form
  --budget         BitOPs, a mean over images, e.g. 250M or 1.2G, of a network that escalates: the best
                   setting of its table that costs no more (default: the cheapest that is as good as
                   its widest rung); of one whose agent minds a budget: what it is to spend
  --help           this text
)";

namespace {

constexpr int kMostDevices = 1024;
constexpr int kMostThreads = 256;

template <class Value>
using Names = std::map<std::string, Value>;

const Names<Device> kDevices = {{"Ascend", Device::kAscend}, {"CPU", Device::kCpu}, {"Host", Device::kHost}};
const Names<Mode> kModes = {{"stages", Mode::kStages}, {"single", Mode::kSingle}};

template <class Value>
std::string NamesOf(const Names<Value> &values) {
  std::string names;
  for (const auto &[name, value] : values) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

template <class Value>
std::string NameIn(const Names<Value> &values, Value wanted) {
  for (const auto &[name, value] : values) {
    if (value == wanted) {
      return name;
    }
  }
  return "";
}

// Sets a flag from its text.
using Setter = std::function<void(const std::string &key, const std::string &value)>;

// A leading ~ is the home folder: the shell leaves it standing in --key=~/x.
Setter Path(std::string *target) {
  return [target](const std::string &key, const std::string &value) {
    if (value[0] != '~') {
      *target = value;
      return;
    }
    const char *home = std::getenv("HOME");
    if (home == nullptr || (value.size() > 1 && value[1] != '/')) {
      throw UsageError(key + "=" + value + ": no such home folder; write ./" + value + " if the name begins with ~");
    }
    *target = home + value.substr(1);
  };
}

Setter Number(int *target, int high) {
  return [target, high](const std::string &key, const std::string &value) {
    const auto number = ToInteger(value);
    if (!number || *number < 0 || *number > high) {
      throw UsageError(key + "=" + value + ": allowed are the integers 0 to " + std::to_string(high));
    }
    *target = static_cast<int>(*number);
  };
}

// A number above 0, with k, M, G or T behind it or without.
Setter BitOps(double *target) {
  return [target](const std::string &key, const std::string &value) {
    static const std::map<char, double> kSuffixes = {{'k', 1e3}, {'m', 1e6}, {'g', 1e9}, {'t', 1e12}};
    const auto suffix = kSuffixes.find(static_cast<char>(std::tolower(static_cast<unsigned char>(value.back()))));
    const bool bare = suffix == kSuffixes.end();
    const auto number = ToNumber(bare ? value : value.substr(0, value.size() - 1));
    if (!number || *number <= 0) {
      throw UsageError(key + "=" + value + ": expected a number above 0: 300e6, 300M or 1.2G");
    }
    *target = *number * (bare ? 1 : suffix->second);
  };
}

template <class Value>
Setter OneOf(const Names<Value> &values, Value *target) {
  return [&values, target](const std::string &key, const std::string &value) {
    const auto found = values.find(value);
    if (found == values.end()) {
      throw UsageError(key + "=" + value + ": allowed are " + NamesOf(values));
    }
    *target = found->second;
  };
}

void CheckTogether(const Flags &flags) {
  if (flags.mindir_path.empty()) {
    throw UsageError("--mindir_path= is missing; see --help");
  }
  if (flags.dataset_path.empty()) {
    throw UsageError("--dataset_path= is missing; see --help");
  }
  if (flags.device == Device::kHost && flags.mode == Mode::kSingle) {
    throw UsageError("--mode=single: an integer artefact has one form only; leave --mode out for --device_type=Host");
  }
}

}  // namespace

Flags ParseFlags(const std::vector<std::string> &arguments) {
  Flags flags;
  const std::map<std::string, Setter> setters = {
    {"--mindir_path", Path(&flags.mindir_path)},
    {"--dataset_path", Path(&flags.dataset_path)},
    {"--result_path", Path(&flags.result_path)},
    {"--time_path", Path(&flags.time_path)},
    {"--device_type", OneOf(kDevices, &flags.device)},
    {"--device_id", Number(&flags.device_id, kMostDevices - 1)},
    {"--thread_num", Number(&flags.thread_num, kMostThreads)},
    {"--mode", OneOf(kModes, &flags.mode)},
    {"--budget", BitOps(&flags.budget)},
  };
  std::set<std::string> given;
  for (const std::string &argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      flags.help = true;
      return flags;
    }
    const size_t equals = argument.find('=');
    const std::string key = argument.substr(0, equals);
    const auto setter = setters.find(key);
    if (setter == setters.end()) {
      throw UsageError("unknown flag " + argument + "; see --help");
    }
    if (equals == std::string::npos || equals + 1 == argument.size()) {
      throw UsageError(key + " needs a value: " + key + "=...");
    }
    if (!given.insert(key).second) {
      throw UsageError(key + " is given twice");
    }
    setter->second(key, argument.substr(equals + 1));
  }
  CheckTogether(flags);
  return flags;
}

std::string NameOf(Device device) { return NameIn(kDevices, device); }
std::string NameOf(Mode mode) { return NameIn(kModes, mode); }

}  // namespace infer
