# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Where a run executes: device, graph mode, seeds, CPU set-up, workers of a distributed job."""

import gc
import logging
import os
import re
from dataclasses import dataclass
from functools import cache

import mindspore as ms
import numpy as np
from mindspore import Tensor, communication, nn, ops

from src import kernels
from src.errors import UserError, reason
from src.keys import DeviceConfig
from src.parameters import assign

LOG = logging.getLogger("dynquant")
# What a process of a distributed job is told by whoever starts it: how many workers there are, and
# its number among those of its machine.
WORKERS, LOCAL_NUMBER = "MS_WORKER_NUM", "DEVICE_ID"
# What an operator between workers says, with its place in the graph, or the scheduler, if it was faster.
_BETWEEN_WORKERS = re.compile(
    r"Launch kernel failed: \S*\b(AllReduce|Broadcast)-|The state of the cluster is error"
)


@dataclass(frozen=True)
class Runtime:
    """Device, rank of this worker, number of workers, whether cells run as graphs, and whether
    layers may run on the native CPU kernels."""

    target: str
    rank: int = 0
    workers: int = 1
    graph: bool = True
    native: bool = False

    @property
    def is_main(self) -> bool:
        """Rank 0 alone writes files and talks to the terminal."""
        return self.rank == 0


def start(device: DeviceConfig, seed: int) -> Runtime:
    """Set the device and the seeds, and join the other workers of a distributed job.

    Raises:
        UserError: the device is not there, or other workers are not.
    """
    graph = device.mode == "graph"
    ms.set_context(mode=ms.GRAPH_MODE if graph else ms.PYNATIVE_MODE)
    try:
        ms.set_device(device.target, _device_id(device))
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"device.target={device.target} device.id={_device_id(device)} cannot be used here: "
            f"{reason(error)}; device.target=CPU runs everywhere"
        ) from error
    # Threads that hand operators on to one another spin between two of them: on the cores that compute.
    ms.set_context(pynative_synchronize=device.target == "CPU")
    native = _native(device)
    if device.threads:
        ms.set_context(runtime_num_threads=device.threads)
        if native:
            kernels.set_threads(device.threads)
    rank, workers = 0, 1
    if WORKERS in os.environ:
        _join()
        rank, workers = communication.get_rank(), communication.get_group_size()
        ms.set_auto_parallel_context(parallel_mode="data_parallel", gradients_mean=True)
    # MindSpore searches all objects for garbage at every compilation. What libraries made when they were
    # loaded is none: left out, a small graph compiles in half of the time.
    gc.collect()
    gc.freeze()
    set_seeds(seed)
    return Runtime(device.target, rank, workers, graph, native)


def set_seeds(seed: int) -> None:
    """Begin anew with the random numbers of a process. Every worker has the same; what must differ adds the
    rank itself."""
    ms.set_seed(seed)
    np.random.seed(seed)


def _join() -> None:
    """Meet the other workers. The scheduler of a job stays in here until the job ends."""
    try:
        communication.init()
    except RuntimeError as error:
        raise UserError(
            f"this job's workers ({WORKERS}={os.environ[WORKERS]}) never met, or one of them has ended; their own "
            f"logs say why: {reason(error)}"
        ) from error


def has_lost_worker(error: RuntimeError) -> bool:
    """Whether an operator failed because another worker has ended, or cannot be reached any more."""
    return _BETWEEN_WORKERS.search(str(error)) is not None


def _device_id(device: DeviceConfig) -> int:
    """The workers of a machine take its devices from `device.id` on, in the order of their numbers."""
    if device.target == "CPU":
        return 0
    return device.id + (int(os.environ.get(LOCAL_NUMBER, 0)) if WORKERS in os.environ else 0)


def _native(device: DeviceConfig) -> bool:
    if device.native == "off" or (device.native == "auto" and device.target != "CPU"):
        return False
    if device.target != "CPU":
        raise UserError(f"device.native=on needs device.target=CPU, not {device.target}")
    if kernels.available():
        return True
    if device.native == "on":
        raise UserError(
            "device.native=on, but the kernels cannot be built here (the line above says why); "
            "install g++, or use device.native=auto"
        )
    return False


def describe(runtime: Runtime) -> str:
    """One line for the log."""
    words = [f"device {runtime.target}", "graph mode" if runtime.graph else "PyNative mode"]
    if runtime.target == "CPU":
        words.append(f"ONEDNN_MAX_CPU_ISA={os.environ.get('ONEDNN_MAX_CPU_ISA', 'unset')}")
        words.append(f"native kernels {kernels.isa()}" if runtime.native else "portable operators")
    if runtime.workers > 1:
        words.append(f"{runtime.workers} workers")
    return ", ".join(words)


def sum_over_workers(runtime: Runtime, values: np.ndarray) -> np.ndarray:
    """Element-wise sum of a float32 array over all workers; every worker must call."""
    if runtime.workers == 1:
        return values
    return _all_reduce()(Tensor(np.asarray(values, np.float32))).asnumpy()


def wait_for_all(runtime: Runtime) -> None:
    """Return when every worker has come here: what rank 0 wrote before is then there to read."""
    sum_over_workers(runtime, np.zeros(1))


def average_statistics(runtime: Runtime, network: nn.Cell) -> None:
    """Give every worker the mean of the running statistics that each took from its own images."""
    running = [p for p in network.get_parameters() if not p.requires_grad]
    if runtime.workers == 1 or not running:
        return
    mean = sum_over_workers(runtime, _joined(running)) / np.float32(runtime.workers)
    _assign_joined(running, mean)


def broadcast_parameters(runtime: Runtime, network: nn.Cell) -> None:
    """Give every worker the parameter values of rank 0."""
    if runtime.workers == 1:
        return
    # One message for all of a type: each shape that is sent is a graph to compile.
    of_type: dict[ms.Type, list[ms.Parameter]] = {}
    for parameter in network.get_parameters():
        of_type.setdefault(parameter.dtype, []).append(parameter)
    for parameters in of_type.values():
        _assign_joined(parameters, _Broadcast()(Tensor(_joined(parameters))).asnumpy())


def _joined(parameters: list[ms.Parameter]) -> np.ndarray:
    """All values, one parameter after the other."""
    return np.concatenate([parameter.asnumpy().ravel() for parameter in parameters])


def _assign_joined(parameters: list[ms.Parameter], values: np.ndarray) -> None:
    """The inverse of `_joined`."""
    ends = np.cumsum([parameter.size for parameter in parameters])[:-1]
    for parameter, own in zip(parameters, np.split(values, ends), strict=True):
        assign(parameter, own.reshape(parameter.shape))


class MeanOverWorkers(nn.Cell):
    """A worker's value -> the mean of all workers' values, as part of a loss.

    The gradient passes as through the worker's own value: averaging gradients over the workers, as
    a data-parallel step does, then gives that of a function of the mean.
    """

    def __init__(self, workers: int):
        super().__init__()
        self.workers, self.reduce = workers, ops.AllReduce()

    def construct(self, x):
        return x + ops.stop_gradient(self.reduce(x) / self.workers - x)


class _AllReduce(nn.Cell):
    def __init__(self):
        super().__init__()
        self.reduce = ops.AllReduce()

    def construct(self, x):
        return self.reduce(x)


@cache
def _all_reduce() -> _AllReduce:
    """One for the whole run, so that what it compiles for a shape stays."""
    return _AllReduce()


class _Broadcast(nn.Cell):
    def __init__(self):
        super().__init__()
        self.send = ops.Broadcast(0)

    def construct(self, x):
        return self.send((x,))[0]
