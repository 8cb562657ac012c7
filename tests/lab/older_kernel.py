"""Runs a command under a kernel that lacks offloads: TUNSETOFFLOAD with any of these bits is EINVAL.

    older_kernel.py BITS COMMAND...
"""
import ctypes
import os
import platform
import struct
import sys

TUNSETOFFLOAD = 0x400454D0
EINVAL = 22
IOCTL = {"x86_64": 16, "aarch64": 29}[platform.machine()]

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER, REQUEST, ARGUMENT = 0, 24, 32  # offsets in struct seccomp_data

PROGRAM = [
    (LOAD, 0, 0, NUMBER),
    (JUMP_IF_EQUAL, 0, 4, IOCTL),
    (LOAD, 0, 0, REQUEST),
    (JUMP_IF_EQUAL, 0, 2, TUNSETOFFLOAD),
    (LOAD, 0, 0, ARGUMENT),
    (JUMP_IF_SET, 1, 0, int(sys.argv[1], 0)),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, ERRNO | EINVAL),
]

code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in PROGRAM))
program = struct.pack("@HP", len(PROGRAM), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[2], sys.argv[2:])
