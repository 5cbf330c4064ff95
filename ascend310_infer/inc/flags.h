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
// flags.h: the command line, `--key=value` with the names that the model zoo uses.
#pragma once
#include <string>
#include <vector>

namespace infer {

enum class Device { kAscend, kCpu, kHost };
enum class Mode { kStages, kSingle };

struct Flags {
  std::string mindir_path;
  std::string dataset_path;
  std::string result_path = "./result_Files";
  std::string time_path = "./time_Result";
  Device device = Device::kAscend;
  Mode mode = Mode::kStages;
  int device_id = 0;
  int thread_num = 0;  // 0: all cores
  double budget = 0;   // BitOPs, a mean over images; 0: what the network's ladder takes by itself
  bool help = false;
};

extern const char kUsage[];

// Throws UsageError.
Flags ParseFlags(const std::vector<std::string> &arguments);

std::string NameOf(Device device);
std::string NameOf(Mode mode);

}  // namespace infer
