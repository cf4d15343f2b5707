// Violations of the AXI3 protocol or of the ports' contract by the design, as texts for people.
#pragma once
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

class Rules {
public:
    explicit Rules(const uint64_t& cycle) : cycle_(cycle) {}

    // `rule` is a stable short name that tests look for; the text after it is free.
    __attribute__((format(printf, 4, 5)))
    void broken(const char* port, const char* rule, const char* format, ...) {
        ++count_;
        if (texts_.size() >= kept) return;
        char detail[256];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(detail, sizeof detail, format, arguments);
        va_end(arguments);
        texts_.push_back(std::string(port) + " broke rule '" + rule + "' in cycle " + std::to_string(cycle_)
                         + ": " + detail);
    }

    uint64_t count() const { return count_; }
    const std::vector<std::string>& texts() const { return texts_; }
    void clear() { texts_.clear(); count_ = 0; }

private:
    static constexpr size_t kept = 200;  // a faulty master breaks its rule in every burst
    const uint64_t& cycle_;
    uint64_t count_ = 0;
    std::vector<std::string> texts_;
};
