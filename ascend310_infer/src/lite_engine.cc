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
// lite_engine.cc: MindSpore Lite as an Engine; the only file that includes its headers.
#include "inc/lite_engine.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"

namespace infer {
namespace {

namespace ms = mindspore;

int AllCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  return sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask) : 1;
}

void Check(const ms::Status &status, const std::string &what) {
  if (status != ms::kSuccess) {
    throw Error(what + " (" + OneLine(status.ToString()) + ")");
  }
}

std::vector<size_t> SizesOf(const std::vector<ms::MSTensor> &tensors) {
  std::vector<size_t> sizes;
  for (const ms::MSTensor &tensor : tensors) {
    if (tensor.DataType() != ms::DataType::kNumberTypeFloat32) {
      throw Error("input or output " + tensor.Name() + " is not float32");
    }
    sizes.push_back(tensor.DataSize() / sizeof(float));
  }
  return sizes;
}

// Lite itself says only that something is wrong.
void NeedCann() {
  if (dlopen("libascendcl.so", RTLD_LAZY) == nullptr) {
    throw Error(
      "--device_type=Ascend needs CANN, but libascendcl.so cannot be loaded: install CANN and source its set_env.sh, "
      "or use --device_type=CPU");
  }
}

class LiteModel : public Model {
 public:
  LiteModel(const std::string &path, const std::shared_ptr<ms::Context> &context) {
    Check(model_.Build(path, ms::kMindIR, context), "MindSpore Lite cannot build it, GLOG_v=3 shows why");
    inputs_ = model_.GetInputs();
    input_sizes_ = SizesOf(inputs_);
    output_sizes_ = SizesOf(model_.GetOutputs());
  }

  std::vector<size_t> InputSizes() const override { return input_sizes_; }
  std::vector<size_t> OutputSizes() const override { return output_sizes_; }

  std::vector<Tensor> Run(const std::vector<const Tensor *> &inputs) override {
    for (size_t i = 0; i < inputs_.size(); i++) {
      void *target = inputs_[i].MutableData();
      if (target == nullptr || inputs_[i].DataSize() != inputs[i]->size() * sizeof(float)) {
        throw Error("MindSpore Lite gives no room for input " + std::to_string(i));
      }
      std::memcpy(target, inputs[i]->data(), inputs_[i].DataSize());
    }
    std::vector<ms::MSTensor> outputs;
    Check(model_.Predict(inputs_, &outputs), "MindSpore Lite cannot run it");
    std::vector<Tensor> results;
    for (ms::MSTensor &output : outputs) {
      const auto *values = static_cast<const float *>(output.MutableData());
      if (values == nullptr || output.DataType() != ms::DataType::kNumberTypeFloat32) {
        throw Error("MindSpore Lite gives no float32 data for output " + output.Name());
      }
      results.emplace_back(values, values + output.DataSize() / sizeof(float));
    }
    return results;
  }

 private:
  ms::Model model_;
  std::vector<ms::MSTensor> inputs_;
  std::vector<size_t> input_sizes_, output_sizes_;
};

class LiteEngine : public Engine {
 public:
  LiteEngine(Device device, int device_id, int threads) : context_(std::make_shared<ms::Context>()) {
    context_->SetThreadNum(threads > 0 ? threads : AllCores());
    if (device == Device::kAscend) {
      NeedCann();
      auto info = std::make_shared<ms::AscendDeviceInfo>();
      info->SetDeviceID(static_cast<uint32_t>(device_id));
      // The arithmetic of the quantisers (divide, round) must not fall to float16.
      info->SetPrecisionMode("preferred_fp32");
      context_->MutableDeviceInfo().push_back(info);
    } else {
      auto info = std::make_shared<ms::CPUDeviceInfo>();
      info->SetEnableFP16(false);
      context_->MutableDeviceInfo().push_back(info);
    }
  }

  std::unique_ptr<Model> Load(const std::string &path) override { return std::make_unique<LiteModel>(path, context_); }

 private:
  std::shared_ptr<ms::Context> context_;
};

}  // namespace

void SilenceLite(char **argv) {
  if (getenv("GLOG_v") == nullptr && setenv("GLOG_v", "4", 0) == 0) {
    execv("/proc/self/exe", argv);  // where that is not possible the run is only noisier
  }
}

std::unique_ptr<Engine> MakeLiteEngine(Device device, int device_id, int threads) {
  return std::make_unique<LiteEngine>(device, device_id, threads);
}

}  // namespace infer
