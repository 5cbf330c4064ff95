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
// no_lite_engine.cc: stands for lite_engine.cc in a build without MindSpore Lite.
#include <memory>

#include "inc/error.h"
#include "inc/lite_engine.h"

namespace infer {

void SilenceLite(char **) {}

std::unique_ptr<Engine> MakeLiteEngine(Device device, int, int) {
  throw Error("--device_type=" + NameOf(device) +
              ": built without MindSpore Lite: set LITE_HOME and run build.sh (--device_type=Host needs neither)");
}

}  // namespace infer
