"""Runs a command under a kernel to which writes of one length are EINVAL, as super-packets are to some.

    refused_write.py LENGTH COMMAND...
"""
import ctypes
import os
import platform
import struct
import sys

EINVAL = 22
WRITE = {"x86_64": 1, "aarch64": 64}[platform.machine()]

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, LENGTH = 0, 32  # offsets in struct seccomp_data

PROGRAM = [
    (LOAD, 0, 0, NUMBER),
    (JUMP_IF_EQUAL, 0, 3, WRITE),
    (LOAD, 0, 0, LENGTH),
    (JUMP_IF_EQUAL, 0, 1, int(sys.argv[1])),
    (RETURN, 0, 0, ERRNO | EINVAL),
    (RETURN, 0, 0, ALLOW),
]

code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in PROGRAM))
program = struct.pack("@HP", len(PROGRAM), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[2], sys.argv[2:])
