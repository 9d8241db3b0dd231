# Sets HOLOENZYME_PROGRAM, the program of the holoenzyme that this file belongs to, unless it is set already. It is not kept in CMake's
# cache: an isolated build of Python's has it in another folder each time.
if(NOT HOLOENZYME_PROGRAM)
  get_filename_component(_holoenzyme_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  if(EXISTS "${_holoenzyme_root}/x.py")
    set(HOLOENZYME_PROGRAM "${_holoenzyme_root}/x.py")
  else()
    find_program(HOLOENZYME_PROGRAM holoenzyme HINTS "${_holoenzyme_root}/../../../bin" NO_CACHE)
  endif()
endif()
if(NOT HOLOENZYME_PROGRAM)
  message(FATAL_ERROR "holoenzyme: the program `holoenzyme` is not on PATH; name it in HOLOENZYME_PROGRAM")
endif()
