"""What licenses uSense's dependencies may have, and those that their metadata does not tell."""

from __future__ import annotations

from typing import NamedTuple

PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Patent", "BSD-3-Clause", "BSD-3-Clause-Clear"),
        *("BSL-1.0", "CC0-1.0", "FTL", "IJG", "ISC", "MIT", "MIT-0", "MIT-CMU", "MIT-Modern-Variant", "PSF-2.0"),
        *("Zlib", "libpng-2.0", "libtiff"),
    }
)
"""Ask for no more than to be named; all fit together, and with the GPL 3."""
COPYLEFT = frozenset(
    {
        *("GPL-2.0-or-later", "GPL-3.0-or-later", "GPL-3.0-or-later WITH GCC-exception-3.1", "MPL-2.0"),
        *("LGPL-2.0-or-later", "LGPL-2.1-or-later", "LGPL-3.0-or-later"),
    }
)
"""Ask whoever passes them on for the source; all of them fit together under the GPL 3. Each needs a reason below."""

SPELLED = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Boost Software License": "BSL-1.0",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "License :: OSI Approved :: MIT License": "MIT",
}
"""Words of metadata that say the same as an identifier of SPDX."""

STATED = {
    "av": (
        "BSD-3-Clause",
        "its metadata, of its own code; [with its libraries](#if-you-pass-usense-on) GPL-3.0-or-later",
    ),
    "aiomqtt": ("BSD-3-Clause", "its LICENSE file; the metadata only says BSD"),
    "jinja2": ("BSD-3-Clause", "its LICENSE file; the metadata only says BSD"),
    "uvloop": ("MIT OR Apache-2.0", "its two LICENSE files"),
}
"""What was read in the package where the metadata is not clear: license and where it stands."""


class Library(NamedTuple):
    """A library of others inside a wheel."""

    name: str
    license: str
    files: str
    """The beginnings of its files' names."""


BUNDLED = {
    "av": (
        Library("alsa-lib", "LGPL-2.1-or-later", "libasound"),
        Library("dav1d", "BSD-2-Clause", "libdav1d"),
        Library(
            "FFmpeg",
            "LGPL-3.0-or-later",
            "libavcodec libavdevice libavfilter libavformat libavutil libswresample libswscale",
        ),
        Library("GMP", "LGPL-3.0-or-later OR GPL-2.0-or-later", "libgmp"),
        Library("GnuTLS", "LGPL-2.1-or-later", "libgnutls"),
        Library("Intel VPL", "MIT", "libvpl"),
        Library("LAME", "LGPL-2.0-or-later", "libmp3lame"),
        Library("libdrm", "MIT", "libdrm"),
        Library("libunistring", "LGPL-3.0-or-later OR GPL-2.0-or-later", "libunistring"),
        Library("libvmaf", "BSD-2-Clause-Patent", "libvmaf"),
        Library("libvpx", "BSD-3-Clause", "libvpx"),
        Library("libwebp", "BSD-3-Clause", "libsharpyuv libwebp libwebpmux"),
        Library("libXau", "MIT", "libXau"),
        Library("libxcb", "MIT", "libxcb libxcb-shape libxcb-shm libxcb-xfixes"),
        Library("Nettle", "LGPL-3.0-or-later OR GPL-2.0-or-later", "libhogweed libnettle"),
        Library("OpenCORE AMR", "Apache-2.0", "libopencore-amrnb libopencore-amrwb"),
        Library("Opus", "BSD-3-Clause", "libopus"),
        Library("SVT-AV1", "BSD-3-Clause-Clear", "libSvtAv1Enc"),
        Library("x264", "GPL-2.0-or-later", "libx264"),
        Library("x265", "GPL-2.0-or-later", "libx265"),
    ),
    "numpy": (
        Library("GCC's libgfortran", "GPL-3.0-or-later WITH GCC-exception-3.1", "libgfortran"),
        Library("GCC's libquadmath", "LGPL-2.1-or-later", "libquadmath"),
        Library("OpenBLAS", "BSD-3-Clause", "libscipy_openblas64_"),
    ),
    "pillow": (
        Library("Brotli", "MIT", "libbrotlicommon libbrotlidec"),
        Library("FreeType", "FTL OR GPL-2.0-or-later", "libfreetype"),
        Library("HarfBuzz", "MIT-Modern-Variant", "libharfbuzz"),
        Library("libavif", "BSD-2-Clause", "libavif"),
        Library("libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib", "libjpeg"),
        Library("libpng", "libpng-2.0", "libpng16"),
        Library("libtiff", "libtiff", "libtiff"),
        Library("libwebp", "BSD-3-Clause", "libsharpyuv libwebp libwebpdemux libwebpmux"),
        Library("libXau", "MIT", "libXau"),
        Library("libxcb", "MIT", "libxcb"),
        Library("Little CMS", "MIT", "liblcms2"),
        Library("OpenJPEG", "BSD-2-Clause", "libopenjp2"),
        Library("XZ", "0BSD", "liblzma"),
        Library("Zstandard", "BSD-3-Clause OR GPL-2.0-only", "libzstd"),
    ),
}
"""Shared libraries in the folders `<package>.libs` of wheels for x86-64 and Python 3.11 to 3.13: what they are."""

PI = {
    "libarchive-c": ("CC0-1.0", "its metadata: CC0"),
    "openexr": ("BSD-3-Clause", "its LICENSE file"),
    "picamera2": ("BSD-2-Clause", "its metadata"),
    "pidng": ("MIT", "its metadata"),
    "piexif": ("MIT", "its metadata"),
    "python-prctl": ("GPL-3.0-or-later", "Debian's package of the same source"),
    "simplejpeg": ("MIT", "its metadata"),
    "tqdm": ("MPL-2.0 AND MIT", "its metadata"),
    "videodev2": ("BSD-3-Clause", "its metadata"),
}
"""The same of what the extra `pi` adds, which is not installed where licenses are looked at."""

REASONS = {
    "av": "reads streams and videos",
    "numpy": "the run-time libraries of GCC, which ask nothing of what is linked with them",
    "python-prctl": "picamera2 needs it; only with the extra `pi`",
    "tqdm": "picamera2 needs it, unchanged; only with the extra `pi`",
}
"""Why a package stays though it, or what it brings, asks for the source."""


def allowed(expression: str, identifiers: frozenset[str]) -> bool:
    """Whether an SPDX expression without parentheses can be kept by these licenses alone."""
    alternatives = expression.split(" OR ")
    return any(all(part in identifiers for part in one.split(" AND ")) for one in alternatives)
