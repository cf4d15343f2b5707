#include "memory.h"

bool Memory::map(uint64_t base, uint64_t bytes, uint8_t* data) {
    if (!bytes || base + bytes > ddr_bytes) return false;
    for (const Region& other : regions_)
        if (base < other.base + other.bytes && other.base < base + bytes) return false;
    regions_.push_back({base, bytes, data});
    return true;
}

bool Memory::unmap(uint64_t base) {
    for (size_t i = 0; i < regions_.size(); ++i)
        if (regions_[i].base == base) {
            regions_.erase(regions_.begin() + i);
            return true;
        }
    return false;
}

uint64_t Memory::read(uint64_t address) {
    const Region* buffer = region(address);
    uint64_t data = random_.draw();  // memory outside all buffers has arbitrary content
    if (!buffer) return data;
    const uint64_t bytes = std::min<uint64_t>(8, buffer->base + buffer->bytes - address);
    memcpy(&data, buffer->data + (address - buffer->base), bytes);
    return data;
}

bool Memory::write(uint64_t address, uint64_t data, uint8_t strobes) {
    const Region* buffer = region(address);
    if (buffer && strobes == 0xFF && address + 8 <= buffer->base + buffer->bytes) {
        memcpy(buffer->data + (address - buffer->base), &data, 8);
        return true;
    }
    bool inside = true;
    for (int lane = 0; lane < 8; ++lane)
        if (strobes >> lane & 1) {
            if (buffer && address + lane < buffer->base + buffer->bytes)
                buffer->data[address - buffer->base + lane] = uint8_t(data >> 8 * lane);
            else
                inside = false;
        }
    return inside;
}

Response Memory::response(uint64_t address, bool write) const {
    if (address >= ddr_bytes) return DECERR;
    for (const FaultyRange& range : faulty)
        if ((write ? range.writes : range.reads) && address + 8 > range.base
            && address < range.base + range.bytes)
            return range.response;
    return OKAY;
}
