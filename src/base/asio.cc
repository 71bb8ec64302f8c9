// Asio's own code, compiled once for the whole house (BOOST_ASIO_SEPARATE_COMPILATION) rather than in every file that
// uses it.

#include <boost/asio/impl/src.hpp>
