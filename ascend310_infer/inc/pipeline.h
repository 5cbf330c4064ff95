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
// pipeline.h: runs the MINDIR files of a bundle.
#pragma once
#include <memory>

#include "inc/bundle.h"
#include "inc/classifier.h"
#include "inc/engine.h"

namespace infer {

// The front, the choice on the host, then of each stage the file of its choice. Loads all files; of a
// network that escalates, those of the rungs that `budget` (`Ladder::At`) allows: the front once for
// each image, the stages again for every rung that it climbs. Throws Error.
std::unique_ptr<Classifier> MakeStagePipeline(const Bundle &bundle, Engine *engine, double budget = 0);

// The bundle's one-file form, in which every candidate is computed.
std::unique_ptr<Classifier> MakeSinglePipeline(const Bundle &bundle, Engine *engine);

}  // namespace infer
