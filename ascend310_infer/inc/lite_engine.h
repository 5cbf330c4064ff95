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
// lite_engine.h: MindSpore Lite as an Engine.
#pragma once
#include <memory>

#include "inc/engine.h"
#include "inc/flags.h"

namespace infer {

// MindSpore Lite reads its log's level (GLOG_v) while it is loaded, before main() runs. Unless it is
// set, this sets it to silence and starts the program anew.
void SilenceLite(char **argv);

// device: kAscend or kCpu. threads: 0 for all cores. Throws Error: this program was built without
// MindSpore Lite.
std::unique_ptr<Engine> MakeLiteEngine(Device device, int device_id, int threads);

}  // namespace infer
