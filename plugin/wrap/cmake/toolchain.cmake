# A toolchain file: all C and C++ of the build is compiled by `holoenzyme cc` and `c++`, whatever compiler stands behind them.
# HOLOENZYME_CONFIG names a configuration.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HOLOENZYME_CONFIG HOLOENZYME_PROGRAM)
include("${CMAKE_CURRENT_LIST_DIR}/program.cmake")
if(HOLOENZYME_CONFIG)
  get_filename_component(HOLOENZYME_CONFIG "${HOLOENZYME_CONFIG}" ABSOLUTE)
endif()
set(_holoenzyme_options ${HOLOENZYME_CONFIG})
list(TRANSFORM _holoenzyme_options PREPEND "--config=")
set(CMAKE_C_COMPILER "${HOLOENZYME_PROGRAM}" ${_holoenzyme_options} cc)
set(CMAKE_CXX_COMPILER "${HOLOENZYME_PROGRAM}" ${_holoenzyme_options} c++)
