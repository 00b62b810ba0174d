"""What a process has freed stays at hand."""

import resource

import numpy as np

BLOCK, BLOCKS, ROUNDS = 6 * 2**20, 4, 20  # more together than glibc keeps by itself, and less than we let it keep


def test_blocks_of_memory_are_not_got_anew_from_the_system_again_and_again():
    def use() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        held = [np.zeros(BLOCK, np.uint8) + np.uint8(1) for _ in range(BLOCKS)]
        del held
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    pages = BLOCK * BLOCKS // resource.getpagesize()
    faults = [use() for _ in range(ROUNDS)]
    assert sorted(faults)[ROUNDS // 2] < pages / 10
