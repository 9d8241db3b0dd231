# find_package(Enzyme CONFIG): the names of Enzyme's own package (enzyme/cmake/EnzymeConfig.cmake.in), by this toolchain.
#
#   ClangEnzymeFlags                sources of what links it go through holoenzyme, behind the compiler that the build has chosen
#   LLDEnzymeFlags                  all sources of a target become one module, which is differentiated when it is linked
#   LLDEnzymeLooseTypeFlags         `enzyme.loose-types`
#   LLDEnzymeNoStrictAliasingFlags  nothing: `enzyme.strict-aliasing` is off unless the configuration turns it on
#
# The other option targets are there so that their use is a message of CMake's, not of the linker's.
include("${CMAKE_CURRENT_LIST_DIR}/holoenzymeConfig.cmake")
if(Enzyme_FOUND STREQUAL FALSE OR TARGET ClangEnzymeFlags)
  return()
endif()
set(Enzyme_LLVM_VERSION_MAJOR 22)

foreach(_holoenzyme_name IN ITEMS ClangEnzymeFlags LLDEnzymeFlags LLDEnzymeLooseTypeFlags LLDEnzymeNoStrictAliasingFlags
                                  LLDEnzymePrintFlags LLDEnzymePrintTypeFlags LLDEnzymeAssumeUnknownNoFree)
  add_library(${_holoenzyme_name} INTERFACE IMPORTED GLOBAL)
endforeach()
set_target_properties(ClangEnzymeFlags LLDEnzymeFlags PROPERTIES
  INTERFACE_HOLOENZYME ON COMPATIBLE_INTERFACE_BOOL HOLOENZYME)
set_target_properties(LLDEnzymeLooseTypeFlags PROPERTIES
  INTERFACE_HOLOENZYME_LOOSE_TYPES ON COMPATIBLE_INTERFACE_BOOL HOLOENZYME_LOOSE_TYPES)

# A link step has launchers without generator expressions: what is for one target is said among the linker's options.
set_property(GLOBAL PROPERTY HOLOENZYME_LINKS TRUE)
target_compile_options(LLDEnzymeFlags INTERFACE -flto)
target_link_options(LLDEnzymeFlags INTERFACE -flto)
target_link_options(LLDEnzymeLooseTypeFlags INTERFACE --holoenzyme-set=enzyme.loose-types=true)

target_link_libraries(LLDEnzymePrintFlags INTERFACE holoenzyme::cannot_print_what_enzyme_does)
target_link_libraries(LLDEnzymePrintTypeFlags INTERFACE holoenzyme::cannot_print_what_enzyme_does)
target_link_libraries(LLDEnzymeAssumeUnknownNoFree INTERFACE holoenzyme::cannot_assume_that_unknown_functions_free_nothing)
